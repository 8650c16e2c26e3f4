"""Customers' calls with the real centre and real lanes; the worker and the SIP side are scripted."""

from typing import Any

import msgspec
import pytest

from ipc.messages import Command, Refusal
from relay import api as relay
from signaling.calling.calls import Calls
from signaling.calling.dialling import Dialling
from signaling.calling.lanes import Lanes
from signaling.carriers.trunks import Trunks
from signaling.center.audit import AuditEvent
from signaling.center.center import Center
from signaling.center.decisions import Decision, SaveContact
from signaling.center.record import ContactRecord
from signaling.center.resources import Tenant, Trunk
from signaling.house import House
from signaling.sip.events import (
    CallAnswered,
    CallEnded,
    CallOffer,
    Cause,
    DigitPressed,
    IncomingCall,
    OfferAnswered,
    TakeoverRefused,
    TransferAsked,
)
from signaling.sip.flow import Flow
from signaling.sip.headers.identity import read_identity
from signaling.sip.messages.message import Headers
from signaling.sip.messages.uri import Uri
from tests.signaling.center.floor_plan import NUMBER, directory
from tests.signaling.scripted import Phone, Worker
from vault.pii import Pii

FLOW = Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 5080))


class Hall:
    def __init__(self, **more: Any) -> None:
        trunk = Trunk("local", ("127.0.0.0/8",), srtp="required", **more)
        self.directory = msgspec.structs.replace(directory(), trunks=(trunk,))
        rival = msgspec.structs.replace(directory(), tenant=Tenant("2", "instance-0", "rival"))
        self.center = Center(self.directory, lambda: "0" * 32)
        self.decisions: list[Decision] = []
        self.house = House(
            [Center(rival, lambda: "0" * 32), self.center],
            lambda _, decision: self.decisions.append(decision),
            lambda: 1000.0,
        )
        self.worker, self.phone, self.lanes = Worker(), Phone(), Lanes()
        trunks = Trunks([self.directory])
        self.calls = Calls(self.house, self.worker, trunks, self.lanes, "127.0.0.1", lambda: 1000.0)
        self.audit: list[tuple[Tenant, AuditEvent]] = []
        self.dialled = Dialling(self.worker, self.lanes, "127.0.0.1", lambda: 1000.0)
        self.dialled.serve(self.phone, lambda tenant, event: self.audit.append((tenant, event)))
        self.calls.serve(self.phone, lambda tenant, event: self.audit.append((tenant, event)), self.dialled)
        self.trunk = trunks.of(FLOW) or ""

    async def ring(self, called: str = NUMBER, sdp: str | None = "offer") -> None:
        caller = Pii("+15550199")
        self.calls.on_sip_event(IncomingCall("call-1", self.trunk, FLOW, caller, Pii(""), called, sdp))
        await self.lanes.empty()

    def record(self) -> ContactRecord:
        """As it was saved last."""
        return next(item.record for item in reversed(self.decisions) if isinstance(item, SaveContact))

    async def tell(self, event: Any) -> None:
        self.calls.on_sip_event(event)
        await self.lanes.empty()


async def test_a_trunk_has_no_more_calls_than_it_may() -> None:
    hall = Hall(max_calls=1)
    await hall.ring()
    caller = Pii("+15550177")
    await hall.tell(IncomingCall("call-2", hall.trunk, FLOW, caller, Pii(""), NUMBER, "offer"))
    assert hall.phone.last() == ("reject", "call-2", 503, "Too many calls")
    assert hall.calls.counts["refused: trunk_limit"] == 1
    # The refused one is over, too, and its place was nobody's.
    await hall.tell(CallEnded("call-2", "rejected", 503))
    assert len(hall.calls) == 1
    await hall.tell(CallEnded("call-1", "bye", 200))
    await hall.tell(IncomingCall("call-3", hall.trunk, FLOW, caller, Pii(""), NUMBER, "offer"))
    assert hall.phone.last()[:2] == ("answer", "call-3")


async def test_the_trunks_rule_says_who_calls() -> None:
    hall = Hall(identity="asserted")
    fields = (("P-Asserted-Identity", "<tel:+15550122>"), ("Diversion", "<tel:+15550133>;reason=busy"))
    identity = read_identity(Headers(fields))
    caller = Pii("+15550199")
    await hall.tell(IncomingCall("call-1", hall.trunk, FLOW, caller, Pii(""), NUMBER, "offer", identity))
    await hall.tell(CallAnswered("call-1", None))
    assert hall.record().customer == Pii("+15550122")
    assert hall.record().diverted_from == Pii("+15550133")


@pytest.fixture
def hall() -> Hall:
    return Hall()


async def test_a_call_is_answered_and_becomes_a_contact_when_acknowledged(hall: Hall) -> None:
    await hall.ring()
    assert hall.phone.told == [("answer", "call-1", "answer")]
    added = hall.worker.asked[0]
    assert isinstance(added, relay.AddRtpLeg)
    assert (added.srtp, added.offer) == ("required", "offer")
    assert hall.house.live_contacts() == []
    await hall.tell(CallAnswered("call-1", None))
    [contact] = hall.house.live_contacts()
    assert (contact.leg, contact.number) == (f"{contact.id}/customer", NUMBER)
    assert contact.tenant == hall.directory.tenant  # and not the other instance's, which has the same number


@pytest.mark.parametrize(
    ("code", "status"),
    [("no_common_codec", 488), ("srtp_required", 488), ("bad_sdp", 488), ("no_port", 503), ("gone", 503)],
)
async def test_media_that_cannot_be_had_is_told_to_the_caller(hall: Hall, code: str, status: int) -> None:
    hall.worker.refusals[relay.AddRtpLeg] = Refusal(code, "because")
    await hall.ring()
    [told] = hall.phone.told
    assert list(told[:3]) == ["reject", "call-1", status]
    assert len(hall.calls) == 0
    assert hall.worker.rooms == []


async def test_a_phone_that_may_not_call_is_refused(hall: Hall) -> None:
    hall.trunk = "instance-1/phones/desk"
    await hall.ring()
    assert [told[2] for told in hall.phone.told] == [403]
    assert hall.worker.asked == []


async def test_unknown_numbers_and_draining_are_refused_without_asking_a_worker(hall: Hall) -> None:
    await hall.ring("+999")
    hall.calls.draining = True
    await hall.ring()
    assert [told[2] for told in hall.phone.told] == [404, 503]
    assert hall.worker.asked == []
    await hall.calls.idle()


async def test_a_call_that_is_given_up_before_its_contact_leaves_no_leg(hall: Hall) -> None:
    await hall.ring()
    await hall.tell(CallEnded("call-1", "timeout", 200))
    assert hall.worker.commands() == [relay.AddRtpLeg, relay.DropLeg]
    assert hall.worker.rooms == []
    assert hall.house.live_contacts() == []


async def test_a_late_offer_is_answered_in_the_ack(hall: Hall) -> None:
    await hall.ring(sdp=None)
    await hall.tell(CallAnswered("call-1", "their answer"))
    assert hall.worker.commands() == [relay.AddRtpLeg, relay.SetAnswer]
    assert len(hall.house.live_contacts()) == 1


async def test_a_late_offer_without_an_answer_is_hung_up(hall: Hall) -> None:
    await hall.ring(sdp=None)
    await hall.tell(CallAnswered("call-1", None))
    assert hall.phone.told[-1] == ("hang_up", "call-1")
    assert hall.house.live_contacts() == []


async def test_a_new_offer_is_passed_to_the_leg(hall: Hall) -> None:
    await hall.ring()
    await hall.tell(CallAnswered("call-1", None))
    await hall.tell(CallOffer("call-1", "held"))
    assert hall.phone.told[-1] == ("accept_offer", "call-1", "answer")
    hall.worker.refusals[relay.Renegotiate] = Refusal("no_common_codec", "none")
    await hall.tell(CallOffer("call-1", "odd"))
    assert list(hall.phone.told[-1][:3]) == ["reject_offer", "call-1", 488]
    assert len(hall.house.live_contacts()) == 1


async def test_a_peer_that_asks_for_an_offer_gets_a_new_one_and_its_answer_counts(hall: Hall) -> None:
    await hall.ring()
    await hall.tell(CallAnswered("call-1", None))
    await hall.tell(CallOffer("call-1", None))
    assert hall.worker.commands() == [relay.AddRtpLeg, relay.Reoffer]
    assert hall.phone.told[-1][:2] == ("accept_offer", "call-1")
    await hall.tell(OfferAnswered("call-1", "their answer"))
    assert hall.worker.commands()[-1] == relay.SetAnswer


async def test_a_lost_worker_ends_its_calls(hall: Hall) -> None:
    await hall.ring()
    await hall.tell(CallAnswered("call-1", None))
    hall.calls.on_worker_presence("relay-0", there=False)
    assert hall.phone.told[-1] == ("hang_up", "call-1")
    assert hall.house.live_contacts() == []
    assert len(hall.calls) == 0


async def test_a_call_that_ends_while_its_answer_is_taken_becomes_no_contact(hall: Hall) -> None:
    def hang_up(command: Command[Any]) -> None:
        if isinstance(command, relay.SetAnswer):
            hall.calls.on_sip_event(CallEnded("call-1", "bye", 200))

    hall.worker.on_asked = hang_up
    await hall.ring(sdp=None)
    await hall.tell(CallAnswered("call-1", "their answer"))
    assert hall.worker.commands() == [relay.AddRtpLeg, relay.SetAnswer, relay.DropLeg]
    assert hall.house.live_contacts() == []
    assert hall.worker.rooms == []


@pytest.mark.parametrize(("cause", "reason"), [("bye", "CUSTOMER_DISCONNECT"), ("timeout", "TELECOM_PROBLEM")])
async def test_why_the_call_ended_is_in_the_record(hall: Hall, cause: Cause, reason: str) -> None:
    await hall.ring()
    await hall.tell(CallAnswered("call-1", None))
    await hall.tell(CallEnded("call-1", cause, 408))
    assert hall.record().disconnect_reason == reason


async def test_a_node_that_stops_at_once_says_so(hall: Hall) -> None:
    await hall.ring()
    await hall.tell(CallAnswered("call-1", None))
    hall.calls.hang_up_all()
    assert hall.record().disconnect_reason == "OTHER"
    assert hall.phone.told[-1] == ("hang_up", "call-1")
    await hall.calls.idle()


async def test_the_customer_hangs_up(hall: Hall) -> None:
    await hall.ring()
    await hall.tell(CallAnswered("call-1", None))
    await hall.tell(CallEnded("call-1", "bye", 200))
    assert hall.house.live_contacts() == []
    assert [told[0] for told in hall.phone.told] == ["answer"]


async def test_digits_go_between_sip_and_the_worker(hall: Hall) -> None:
    await hall.ring()
    await hall.tell(CallAnswered("call-1", None))
    await hall.tell(DigitPressed("call-1", Pii("5"), 120))
    [contact] = hall.worker.rooms
    leg = f"{contact}/customer"
    assert hall.worker.asked[-1] == relay.TakeDigit(leg, "5", 120)
    hall.calls.on_worker_event("relay-0", relay.SendInfo(leg, "7", 100))
    hall.calls.on_worker_event("relay-0", relay.SendInfo(f"{contact}/agent-1", "8", 100))
    assert hall.phone.told[-1] == ("press", "call-1", "7", 100)
    hall.worker.refusals[relay.TakeDigit] = Refusal("no_such_leg", "gone")
    await hall.tell(DigitPressed("call-1", Pii("5"), 120))
    assert len(hall.center.floor.contacts) == 1


async def test_transfer_that_a_trunk_asks_for_is_refused_and_audited(hall: Hall) -> None:
    await hall.ring()
    await hall.tell(CallAnswered("call-1", None))
    await hall.tell(TransferAsked("call-1", Pii(Uri("sip", "+15550666", "x.test")), None))
    assert hall.phone.told[-1] == ("refuse_transfer", "call-1", 403)
    [(tenant, event)] = hall.audit
    assert (tenant, event.action, event.outcome, event.source) == (
        hall.directory.tenant, "TransferCall", "refused", "127.0.0.1",
    )  # fmt: skip
    assert event.detail == {"to": Pii("+15550666")}


async def test_whoever_would_take_over_another_trunks_call_is_audited(hall: Hall) -> None:
    await hall.ring()
    await hall.tell(CallAnswered("call-1", None))
    await hall.tell(TakeoverRefused("call-1", "203.0.113.9"))
    [(tenant, event)] = hall.audit
    assert (tenant, event.action, event.outcome) == (hall.directory.tenant, "ReplaceCall", "refused")
    assert event.detail == {"from": "203.0.113.9"}
    assert len(hall.house.live_contacts()) == 1


class TestReplaces:
    async def test_the_customers_leg_moves_to_the_new_dialog(self, hall: Hall) -> None:
        await hall.ring()
        await hall.tell(CallAnswered("call-1", None))
        [contact] = hall.house.live_contacts()
        await hall.tell(self.incoming(hall, "call-1"))
        assert hall.phone.told[-1] == ("answer", "call-2", "answer")
        assert hall.worker.asked[-1] == relay.Renegotiate(contact.leg, "moved")
        await hall.tell(CallEnded("call-1", "replaced", 200))
        await hall.tell(CallAnswered("call-2", None))
        assert hall.house.live_contacts() == [contact]
        assert [event.action for _, event in hall.audit] == ["ReplaceCall"]
        await hall.tell(CallEnded("call-2", "bye", 200))
        assert hall.house.live_contacts() == []

    async def test_media_that_cannot_move_leaves_the_call(self, hall: Hall) -> None:
        await hall.ring()
        await hall.tell(CallAnswered("call-1", None))
        hall.worker.refusals[relay.Renegotiate] = Refusal("no_common_codec", "none")
        await hall.tell(self.incoming(hall, "call-1"))
        assert hall.phone.told[-1] == ("reject", "call-2", 488, "No common codec")
        assert len(hall.house.live_contacts()) == 1

    async def test_call_that_is_over_or_unknown(self, hall: Hall) -> None:
        await hall.tell(self.incoming(hall, "call-7"))
        assert hall.phone.told == [("reject", "call-2", 481, "")]

    def incoming(self, hall: Hall, replaces: str) -> IncomingCall:
        return IncomingCall("call-2", hall.trunk, FLOW, Pii("+1"), Pii(""), NUMBER, "moved", replaces=replaces)


async def test_a_customer_who_shows_another_certificate_than_he_said_is_hung_up() -> None:
    hall = Hall()
    await hall.ring()
    await hall.tell(CallAnswered("call-1", None))
    [leg] = [command.leg for command in hall.worker.asked if isinstance(command, relay.AddRtpLeg)]
    hall.calls.on_worker_event("0", relay.LegDown(leg, "consent expired"))
    assert len(hall.calls) == 1  # he may come back on another way
    hall.calls.on_worker_event("0", relay.LegDown(leg, relay.HANDSHAKE_FAILED))
    await hall.lanes.empty()
    assert hall.phone.last() == ("hang_up", "call-1")
    assert len(hall.calls) == 0
    assert hall.record().disconnect_reason == "TELECOM_PROBLEM"
