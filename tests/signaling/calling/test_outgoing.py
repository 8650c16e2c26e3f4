"""Calls placed through trunks by the real centre and real lanes; worker, SIP side and names are scripted."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from relay import api as relay
from signaling.calling.dial import Ended
from signaling.calling.dialling import Dialling
from signaling.calling.lanes import Lanes
from signaling.calling.outgoing import Network as Ways
from signaling.calling.outgoing import Outgoing
from signaling.center import events
from signaling.center.center import Center
from signaling.center.decisions import Decision, DropCustomer, PlaceCall, SaveContact
from signaling.center.record import ContactRecord
from signaling.center.resources import NumberRule, Outbound, Trunk
from signaling.center.routes import Route
from signaling.house import House
from signaling.sip.calls.invitation import Invitation
from signaling.sip.events import CallAnswered, CallEnded, CallProgress, CallRinging, Cause
from signaling.sip.flow import Address, Flow, Transport
from signaling.sip.headers.reason import Reason
from signaling.sip.reaching.locating import Hop
from signaling.sip.reaching.targets import Target
from tests.signaling.center.floor_plan import NUMBER, directory
from tests.signaling.scripted import Phone, Worker
from vault.pii import Pii

C = "c-1"
CALL_OUT = events.StartOutbound(C, Pii("+4930#1"), "flow-1", "", NUMBER, "Acme")


class Network(Phone):
    """Every INVITE, and what is made of it."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.invited: list[tuple[Flow, Invitation]] = []

    def invite(self, flow: Flow, invitation: Invitation) -> str:
        self.invited.append((flow, invitation))
        return f"call-{len(self.invited)}"

    def addresses(self) -> list[str]:
        return [flow.remote[0] for flow, _ in self.invited]


class Limits:
    def __init__(self) -> None:
        self.full: set[str] = set()
        self.running: set[tuple[str, str]] = set()

    def admit(self, trunk: str, key: tuple[str, str], now: float) -> bool:
        if trunk in self.full:
            return False
        self.running.add(key)
        return True

    def hold(self, trunk: str, key: tuple[str, str]) -> None:
        self.running.add(key)

    def release(self, key: tuple[str, str]) -> None:
        self.running.discard(key)


class Hall:
    def __init__(self, *trunks: Trunk) -> None:
        self.center = Center(msgspec.structs.replace(directory(), trunks=trunks), lambda: "0" * 32)
        self.house = House([self.center], self._perform, lambda: 1000.0)
        self.worker, self.network, self.lanes = Worker(), Network(), Lanes()
        self.dialling = Dialling(self.worker, self.lanes, "127.0.0.1", lambda: 1000.0)
        self.dialling.serve(self.network, lambda tenant, event: None)
        self.down: set[str] = set()
        self.located = asyncio.Event()
        self.located.set()
        self.limits = Limits()
        ways = Ways(self._locate, self._flow_to, self._is_up, self.limits, lambda: 1000.0)
        self.outgoing = Outgoing(self.house, self.dialling, ways)
        self.records: list[ContactRecord] = []
        self.dropped: list[str] = []

    def _perform(self, center: Center, decision: Decision) -> None:
        match decision:
            case PlaceCall():
                self.outgoing.place(center, decision)
            case SaveContact(record):
                self.records.append(record)
            case DropCustomer(_, leg):
                self.dropped.append(leg)
                self.outgoing.hang_up(leg)

    async def _locate(self, target: Target, allowed: tuple[Transport, ...]) -> list[Hop]:
        await self.located.wait()
        return [] if target.host == "none.test" else [Hop(allowed[0], target.host, target.port or 5060, target.host)]

    def _flow_to(self, transport: Transport, remote: Address, name: str) -> Flow:
        return Flow(transport, ("198.51.100.1", 5060), remote, 0, name)

    def _is_up(self, trunk: str, target: Address) -> bool:
        assert trunk.startswith("instance-1/")
        return target[0] not in self.down

    async def call(self, contact: str = C) -> None:
        self.house.tell(self.center, msgspec.structs.replace(CALL_OUT, contact=contact))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
            await self.lanes.empty()

    async def tell(self, *told: Any) -> None:
        for event in told:
            assert self.dialling.on_sip_event(event)
        await self.settle()

    async def fail(self, number: int, cause: Cause, status: int, reason: Reason | None = None) -> None:
        await self.tell(CallEnded(f"call-{number}", cause, status, reason))


def trunk(name: str, *targets: str, **more: Any) -> Trunk:
    return Trunk(name, (), ("udp",), codecs=("PCMA",), outbound=Outbound(targets, **more))


@pytest.fixture
def hall() -> Iterator[Hall]:
    yield Hall(trunk("one", "192.0.2.1", "192.0.2.2:5070"), trunk("two", "192.0.2.3", numbers=(NumberRule("*", 5),)))


async def test_the_trunk_says_how_the_call_is_made() -> None:
    rules = Outbound(("sip.carrier.test",), (NumberRule("+49*", 1, 3, "0"),), ring_seconds=20, patience_seconds=3)
    hall = Hall(Trunk("one", (), ("tcp",), "required", ("PCMA",), "info", rules))
    await hall.call()
    [(flow, invitation)] = hall.network.invited
    assert (flow.transport, flow.remote, flow.name) == ("tcp", ("sip.carrier.test", 5060), "sip.carrier.test")
    assert str(invitation.target) == "sip:030%231@sip.carrier.test;transport=tcp"
    assert str(invitation.caller) == f'"Acme" <sip:{NUMBER}@198.51.100.1>'
    assert (invitation.ring, invitation.patience, invitation.trunk) == (20.0, 3.0, "instance-1/one")
    [added] = hall.worker.asked
    assert isinstance(added, relay.AddRtpLeg) and (added.srtp, added.codecs) == ("required", ("PCMA",))
    assert added.dtmf == "info"


async def test_a_domain_stands_for_both_sides_and_nobody_is_shown_where_nothing_may_be() -> None:
    hall = Hall(trunk("one", "192.0.2.1", domain="acme.test", callers=("+1999",)))
    await hall.call()
    [(_, invitation)] = hall.network.invited
    assert str(invitation.target) == "sip:+4930%231@acme.test"
    assert str(invitation.caller) == '"Anonymous" <sip:anonymous@anonymous.invalid>'


async def test_the_trunk_says_who_is_said_to_call() -> None:
    rules = {
        "identity": "anonymous",
        "asserted": "4711",
        "history": "diversion",
        "caller_prepend": "0",
        "caller_strip": 1,
    }
    hall = Hall(trunk("one", "192.0.2.1", domain="acme.test", **rules))
    placed = next(place for place in hall.center.handle(CALL_OUT, 1000.0) if isinstance(place, PlaceCall))
    hall.outgoing.place(hall.center, msgspec.structs.replace(placed, passed_on="+15550199"))
    await hall.settle()
    [(_, invitation)] = hall.network.invited
    assert str(invitation.caller) == '"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert invitation.fields == (
        ("P-Asserted-Identity", "<sip:4711@acme.test>"),
        ("Privacy", "id"),
        ("Diversion", "<sip:015550199@acme.test>;reason=unconditional;counter=1;privacy=full"),
    )


async def test_an_answered_call_is_a_contact_until_it_is_hung_up(hall: Hall) -> None:
    await hall.call()
    await hall.tell(CallRinging("call-1"), CallProgress("call-1", "early"), CallAnswered("call-1", "early"))
    assert hall.records[-1].outcome == "answered"
    assert hall.outgoing.contacts() == [C]
    await hall.fail(1, "bye", 200, Reason("Q.850", 16, "Bob has hung up"))
    assert (hall.records[-1].disconnect_reason, hall.records[-1].sip_reason) == (
        "CUSTOMER_DISCONNECT",
        "Q.850;cause=16",
    )
    assert hall.outgoing.contacts() == []


async def test_a_third_party_is_called_into_the_room_of_the_call(hall: Hall) -> None:
    routes = (Route(hall.center.floor.trunks[0], Pii("+4930"), NUMBER),)
    hall.outgoing.place(hall.center, PlaceCall("t-1", "t-1/party", routes, room=C))
    await hall.settle()
    [added] = hall.worker.asked
    assert isinstance(added, relay.AddRtpLeg) and (added.leg, added.room) == ("t-1/party", C)
    assert hall.outgoing.contacts() == [C]
    hall.outgoing.lose(C)
    assert hall.outgoing.contacts() == []
    assert hall.network.last() == ("hang_up", "call-1")


async def test_the_next_target_and_the_next_trunk_are_tried_for_what_may_be_better_there(hall: Hall) -> None:
    await hall.call()
    await hall.fail(1, "timeout", 408)
    await hall.fail(2, "rejected", 503)
    assert hall.network.addresses() == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    await hall.fail(3, "lost", 503)
    assert (hall.records[-1].outcome, hall.records[-1].sip_status) == ("failed", 503)
    assert hall.worker.commands() == [relay.AddRtpLeg, relay.DropLeg] * 3


@pytest.mark.parametrize(("status", "outcome"), [(486, "busy"), (480, "no_answer"), (603, "rejected"), (404, "failed")])
async def test_what_the_called_side_says_is_the_end(hall: Hall, status: int, outcome: str) -> None:
    await hall.call()
    await hall.fail(1, "rejected", status)
    assert (hall.network.addresses(), hall.records[-1].outcome) == (["192.0.2.1"], outcome)
    assert hall.center.floor.contacts == {}


async def test_what_did_not_answer_is_passed_over_by_the_next_call(hall: Hall) -> None:
    await hall.call()
    await hall.fail(1, "timeout", 408)
    await hall.fail(2, "rejected", 486)
    await hall.call("c-2")
    assert hall.network.addresses() == ["192.0.2.1", "192.0.2.2", "192.0.2.2"]


async def test_where_all_are_down_all_are_tried(hall: Hall) -> None:
    hall.down = {"192.0.2.1", "192.0.2.2", "192.0.2.3"}
    await hall.call()
    assert hall.network.addresses() == ["192.0.2.1"]
    hall.down = {"192.0.2.1"}
    await hall.call("c-2")
    assert hall.network.addresses() == ["192.0.2.1", "192.0.2.2"]


async def test_a_target_that_no_name_leads_to_fails_the_call() -> None:
    hall = Hall(trunk("one", "none.test"))
    await hall.call()
    assert (hall.network.invited, hall.records[-1].outcome) == ([], "failed")


async def test_a_call_that_is_given_up_while_names_are_looked_up_is_not_placed(hall: Hall) -> None:
    hall.located.clear()
    await hall.call()
    assert hall.outgoing.contacts() == [C]
    hall.outgoing.lose(C)
    hall.located.set()
    await hall.settle()
    assert (hall.network.invited, hall.outgoing.contacts()) == ([], [])


async def test_the_end_of_the_contact_ends_the_call(hall: Hall) -> None:
    await hall.call()
    hall.house.tell(hall.center, events.NodeStopped(C))
    assert (hall.dropped, hall.network.told) == ([f"{C}/customer"], [("hang_up", "call-1")])
    await hall.settle()
    assert hall.outgoing.contacts() == []
    await hall.outgoing.close()


async def test_a_node_that_drains_calls_nobody(hall: Hall) -> None:
    hall.outgoing.draining = True
    await hall.call()
    assert (hall.network.invited, hall.records[-1].outcome, hall.records[-1].sip_status) == ([], "failed", 503)


async def test_a_trunk_that_is_full_is_passed_over_and_a_call_counts_until_it_ends(hall: Hall) -> None:
    hall.limits.full = {"instance-1/one"}
    await hall.call()
    assert hall.network.addresses() == ["192.0.2.3"]
    assert hall.limits.running == {("out", f"{C}/customer")}
    await hall.fail(1, "rejected", 486)
    assert hall.limits.running == set()
    hall.limits.full.clear()
    await hall.call("c-2")  # it was full, and is not taken for one that does not answer
    assert hall.network.addresses()[-1] == "192.0.2.1"
    hall.house.tell(hall.center, events.NodeStopped("c-2"))
    assert hall.limits.running == set()


async def test_a_call_of_an_earlier_process_counts_until_it_ends(hall: Hall) -> None:
    tell = hall.outgoing.adopt(hall.center, f"{C}/customer", "instance-1/one")
    assert hall.limits.running == {("out", f"{C}/customer")}
    tell(Ended(f"{C}/customer", True, None))
    assert hall.limits.running == set()
