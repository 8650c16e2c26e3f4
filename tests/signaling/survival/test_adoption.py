"""A house is killed and another one takes its calls over: real centres, calls and dialogs; scripted media and pages."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from relay.api import DropLeg, SetRoom
from signaling.calling.dial import Tell
from signaling.calling.dialling import Dialling, SavedDialled
from signaling.center import events
from signaling.center.center import Center
from signaling.center.contact import Assignment, Contact
from signaling.center.decisions import Decision, SaveContact, SetPicture
from signaling.center.resources import Tenant
from signaling.center.security import user_name
from signaling.sip.calls.dialog import SavedDialog
from signaling.sip.calls.saved import SavedCall
from signaling.sip.errors import ParseError
from signaling.sip.events import CallAnswered, CallEnded
from signaling.sip.flow import Flow
from signaling.softphone.session import SavedSession
from signaling.store.live import LiveKey, LiveState
from signaling.survival.adoption import Adoption, Takers
from signaling.survival.inheritance import Inheritance, load
from signaling.survival.live import AGENT, CALL, CONTACT
from signaling.survival.live_sources import LiveSources, Parties
from signaling.survival.states import encode
from tests.signaling.calling.test_calls import FLOW, Hall
from tests.signaling.center.floor_plan import NUMBER, TENANT
from tests.signaling.scripted import Worker
from vault.pii import Pii

TRUNK = f"{TENANT.instance}/local"
SESSION = SavedSession("s-1", user_name(TENANT, "ann"), Pii("00"), 7)


class Media(Worker):
    def inherit(self, rooms: Mapping[str, str]) -> None:
        self.rooms = list(rooms)
        self.workers = dict(rooms)


class Dialogs:
    """The SIP side of the second house."""

    def __init__(self) -> None:
        self.restored: list[str] = []
        self.ended: list[str] = []
        self.probed: list[str] = []
        self.broken = False

    def restore(self, call: SavedCall, age: float) -> None:
        if self.broken:
            raise ParseError("no")
        assert age == 2.0
        self.restored.append(call.call)

    def hang_up(self, call: str) -> None:
        self.ended.append(call)

    def probe(self, call: str) -> None:
        self.probed.append(call)


class Pages:
    def __init__(self, *sessions: SavedSession) -> None:
        self.sessions = {session.user: session for session in sessions}

    def save(self, user: str) -> SavedSession | None:
        return self.sessions.get(user)

    def restore(self, saved: SavedSession) -> None:
        bytes.fromhex(saved.digest.reveal())
        self.sessions[saved.user] = saved


class SipSide:
    """The SIP side of the first house, as far as it is kept."""

    def __init__(self, phase: str = "up", flow: Flow = FLOW) -> None:
        self._phase = phase
        self._flow = flow

    def save(self, call: str) -> SavedCall | None:
        phase: Any = self._phase
        return SavedCall(
            call, phase, self._flow, None, False, False, frozenset(), frozenset(), Pii(""), None, None, TRUNK
        )  # fmt: skip

    def flow_of(self, call: str) -> Flow | None:
        return self._flow


class States:
    def __init__(self, states: list[LiveState]) -> None:
        self._states = states

    async def live_states(self, tenant: Tenant) -> list[LiveState]:
        return [state for state in self._states if state.key.tenant == tenant]


class Before:
    """The house that is killed: ann talks with a customer, unless the test has something else in mind."""

    def __init__(self, *, joined: bool = True, talking: bool = True) -> None:
        self.hall = Hall()
        self._joined = joined
        self._talking = talking

    async def begin(self) -> str:
        """The contact."""
        self._tell(events.AgentPresent("ann"))
        self._tell(events.SetStatus("ann", "Available"))
        await self.hall.ring()
        (self.contact,) = self.hall.worker.rooms
        if self._joined:
            await self.hall.tell(CallAnswered("call-1", None))
            self._tell(events.PlayerFinished(self.contact, "prompt"))
        if self._talking and self._joined:
            self._tell(events.Accept("ann", self.contact))
            self._tell(events.AgentMediaUp(self.contact))
        return self.contact

    async def killed(
        self, side: SipSide | None = None, without: tuple[str, ...] = (), call: str = "call-1"
    ) -> Inheritance:
        """What it leaves behind."""
        side = side or SipSide()
        trunks = self.hall.calls._trunks
        parties = Parties(self.hall.calls, Dialling(Media(), self.hall.lanes, "127.0.0.1", lambda: 1000.0))
        sources = LiveSources(
            self.hall.house, parties, lambda room: "relay-0", lambda flow: trunks.instance_of(trunks.of(flow) or "")
        )
        sources.serve(side, Pages(SESSION))
        keys = [
            *sources.keys_of([call]),
            *(LiveKey(TENANT, CONTACT, contact) for contact in self.hall.center.floor.contacts),
            LiveKey(TENANT, AGENT, "ann"),
            LiveKey(TENANT, AGENT, "bob"),
        ]
        found = [(key, sources.by_kind[key.kind](key.tenant, key.id)) for key in keys if key.kind not in without]
        states = [LiveState(key, 998.0, Pii(encode(value))) for key, value in found if value is not None]
        return await load(States(states), [TENANT])

    def _tell(self, event: events.Event) -> None:
        self.hall.house.tell(self.hall.center, event)


class Placed:
    """Whoever places contacts: one whose called side hangs up has ended."""

    def __init__(self, after: "After") -> None:
        self._after = after

    def adopt(self, center: Center, leg: str, trunk: str) -> Tell:
        assert trunk == TRUNK
        contact = leg.partition("/")[0]
        return lambda event: self._after.hall.house.tell(center, events.CustomerLeft(contact))


class After:
    """The house that takes over."""

    def __init__(self, inherited: Inheritance, *, phones: Dialogs | None = None) -> None:
        self.hall = Hall()
        self.media, self.dialogs, self.pages = Media(), phones or Dialogs(), Pages()
        self.on_phone: list[str] = []
        self.hall.calls._workers = self.media
        self.hall.calls.serve(self.dialogs, lambda tenant, event: None, self.hall.dialled)  # type: ignore[arg-type]
        self.dialling = Dialling(self.media, self.hall.lanes, "127.0.0.1", lambda: 1000.0)
        self.dialling.serve(self.dialogs, lambda tenant, event: None)  # type: ignore[arg-type]
        parties = Parties(self.hall.calls, self.dialling)
        self.adoption = Adoption(self.hall.house, Takers(parties, self, Placed(self)), self.media, self.hall.lanes)
        self.adopted = self.adoption.restore(inherited, self.dialogs, 1000.0)
        self.adoption.restore_pages(self.pages)

    def adopt(self, center: Center, assignment: Assignment) -> Tell:
        """The desk of phones: one whose phone hangs up has hung up."""
        user, contact = assignment.user.id, assignment.contact.id
        self.on_phone.append(assignment.leg)
        return lambda event: self.hall.house.tell(center, events.HangUp(user, contact))

    async def finish(self, *legs: str, room: str = "") -> None:
        """With these legs, in this room or in those that they are named after."""
        by_room: dict[str, list[str]] = {}
        for leg in legs:
            by_room.setdefault(room or leg.partition("/")[0], []).append(leg)
        self.adoption.finish(by_room, self.dialogs, self.pages)
        await self.hall.lanes.empty()

    def state(self, user: str = "ann") -> str | None:
        assignment = self.hall.center.floor.agent(user).assignment
        return assignment.state if assignment is not None else None

    def reasons(self) -> list[str | None]:
        saved = [decision.record for decision in self.hall.decisions if isinstance(decision, SaveContact)]
        return [record.disconnect_reason for record in saved if record.disconnected is not None]

    def made(self, kind: type[Decision]) -> list[Decision]:
        return [decision for decision in self.hall.decisions if isinstance(decision, kind)]


async def test_a_talk_goes_on_and_its_peer_is_asked_whether_it_does() -> None:
    before = Before()
    contact = await before.begin()
    after = After(await before.killed())
    assert after.adopted == {contact}
    assert after.media.workers == {contact: "relay-0"}
    await after.finish(f"{contact}/customer", f"{contact}/agent-1")
    assert (after.state(), after.dialogs.ended, after.dialogs.probed) == ("CONNECTED", [], ["call-1"])
    assert len(after.hall.calls) == 1
    limits = after.hall.calls._trunks.limits
    assert limits.running(TRUNK) == 1
    await after.hall.tell(CallEnded("call-1", "bye", 200))
    assert after.reasons() == ["CUSTOMER_DISCONNECT"]
    assert (after.state(), limits.running(TRUNK)) == ("ENDED", 0)


async def test_the_agent_ends_it_too() -> None:
    before = Before()
    contact = await before.begin()
    after = After(await before.killed())
    await after.finish(f"{contact}/customer", f"{contact}/agent-1")
    after.hall.house.tell(after.hall.center, events.HangUp("ann", contact))
    after.hall.calls.hang_up(contact)
    assert after.dialogs.ended == ["call-1"]


async def test_a_call_whose_media_is_gone_ends_on_both_sides() -> None:
    before = Before()
    contact = await before.begin()
    after = After(await before.killed())
    await after.finish()
    assert after.dialogs.ended == ["call-1"]
    assert (after.state(), after.reasons()) == ("ENDED", ["TELECOM_PROBLEM"])
    assert len(after.hall.calls) == 0
    assert contact not in after.media.rooms


async def test_a_contact_without_a_dialog_ends_and_says_so() -> None:
    before = Before()
    await before.begin()
    after = After(await before.killed(without=(CALL,)))
    await after.finish()
    assert (after.reasons(), after.state()) == (["OTHER"], "ENDED")


async def test_a_dialog_that_cannot_be_restored_leaves_a_contact_that_ends() -> None:
    before = Before()
    await before.begin()
    broken = Dialogs()
    broken.broken = True
    after = After(await before.killed(), phones=broken)
    await after.finish()
    assert after.reasons() == ["OTHER"]


async def test_a_dialog_that_is_nobodys_is_hung_up() -> None:
    before = Before()
    await before.begin()
    inherited = await before.killed(without=(CONTACT, AGENT))
    [(tenant, line, at)] = inherited.lines
    inherited.lines = [(tenant, msgspec.structs.replace(line, customer=None), at)]
    after = After(inherited)
    await after.finish()
    assert after.dialogs.ended == ["call-1"]


@pytest.mark.parametrize("phase", ["calling", "leaving"])
async def test_one_that_is_on_its_way_out_ends_by_itself(phase: str) -> None:
    before = Before()
    await before.begin()
    after = After(await before.killed(SipSide(phase), without=(CONTACT, AGENT)))
    await after.finish()
    assert (after.dialogs.restored, after.dialogs.ended, len(after.hall.calls)) == (["call-1"], [], 0)


async def test_a_customer_whose_ack_came_unheard_joins_at_the_take_over() -> None:
    before = Before(joined=False)
    contact = await before.begin()
    after = After(await before.killed())
    await after.finish(f"{contact}/customer")
    assert list(after.hall.center.floor.contacts) == [contact]
    record = after.hall.record()
    assert (record.system, record.customer) == (NUMBER, Pii("+15550199"))


async def test_a_customer_whose_ack_is_still_to_come_joins_then() -> None:
    before = Before(joined=False)
    contact = await before.begin()
    after = After(await before.killed(SipSide("answered")))
    await after.finish(f"{contact}/customer")
    assert after.hall.center.floor.contacts == {}
    await after.hall.tell(CallAnswered("call-1", None))
    assert list(after.hall.center.floor.contacts) == [contact]
    assert after.dialogs.probed == []


async def test_legs_that_nobody_has_any_more_are_dropped() -> None:
    before = Before()
    contact = await before.begin()
    after = After(await before.killed())
    await after.finish(f"{contact}/customer", f"{contact}/agent-1", f"{contact}/agent-0")
    assert [command for command in after.media.asked if isinstance(command, DropLeg)] == [DropLeg(f"{contact}/agent-0")]
    assert SetRoom not in after.media.commands()


async def test_an_agent_without_a_page_that_could_come_back_is_gone() -> None:
    before = Before()
    contact = await before.begin()
    inherited = await before.killed()
    (desk,) = inherited.desks[TENANT]
    inherited.desks[TENANT] = [msgspec.structs.replace(desk, session=None)]
    after = After(inherited)
    await after.finish(f"{contact}/customer", f"{contact}/agent-1")
    assert set(after.reasons()) == {"AGENT_DISCONNECT"}
    assert after.hall.center.floor.agent("ann").status == "Offline"


async def test_who_does_nothing_is_not_kept_and_a_stranger_neither() -> None:
    before = Before(talking=False)
    await before.begin()
    far = Flow("udp", FLOW.local, ("192.0.2.77", 5060))
    inherited = await before.killed(SipSide(flow=far), call="call-9")
    assert inherited.lines == []
    assert [desk.agent.user for desk in inherited.desks[TENANT]] == ["ann"]


def on_phone(inherited: Inheritance, dialled: SavedDialled | None) -> None:
    """Ann talks on her phone, by a call of ours."""
    (desk,) = inherited.desks[TENANT]
    assert desk.agent.assignment is not None
    assignment = msgspec.structs.replace(desk.agent.assignment, endpoint="phone")
    agent = msgspec.structs.replace(desk.agent, endpoint="phone", assignment=assignment)
    inherited.desks[TENANT] = [msgspec.structs.replace(desk, agent=agent)]
    if dialled is not None:
        placed(inherited, dialled)


def placed(inherited: Inheritance, dialled: SavedDialled) -> None:
    """A call of ours, beside the customer's."""
    [(tenant, line, at)] = inherited.lines
    names = ("id", "me", "them")
    dialog = SavedDialog(names, Pii("<sip:a@h>"), Pii("<sip:b@h>"), Pii("sip:b@h"), (), False, 1, 1, None)
    call = msgspec.structs.replace(line.call, call="call-2", dialog=dialog)
    theirs = msgspec.structs.replace(line, call=call, customer=None, dialled=dialled)
    inherited.lines.append((tenant, theirs, at))


async def test_an_agents_phone_goes_on_with_him_and_its_end_is_told() -> None:
    before = Before()
    contact = await before.begin()
    inherited = await before.killed()
    on_phone(inherited, SavedDialled(contact, f"{contact}/agent-1"))
    after = After(inherited)
    await after.finish(f"{contact}/customer", f"{contact}/agent-1")
    assert (after.state(), after.on_phone, after.dialogs.ended) == ("CONNECTED", [f"{contact}/agent-1"], [])
    assert after.dialling.owner_of("call-2") == (TENANT, contact)
    assert after.dialling.on_sip_event(CallEnded("call-2", "bye", 200))
    await after.hall.lanes.empty()
    assert set(after.reasons()) == {"AGENT_DISCONNECT"}


async def test_a_contact_that_was_placed_goes_on_with_the_call_of_ours() -> None:
    before = Before()
    contact = await before.begin()
    inherited = await before.killed()
    [(tenant, line, at)] = inherited.lines
    dialog = SavedDialog(
        ("id", "me", "them"), Pii("<sip:a@h>"), Pii("<sip:b@h>"), Pii("sip:b@h"), (), False, 1, 1, None
    )
    call = msgspec.structs.replace(line.call, dialog=dialog)
    dialled = SavedDialled(contact, f"{contact}/customer")
    inherited.lines = [(tenant, msgspec.structs.replace(line, call=call, customer=None, dialled=dialled), at)]
    after = After(inherited)
    await after.finish(f"{contact}/customer", f"{contact}/agent-1")
    assert (after.state(), after.dialogs.ended, after.reasons()) == ("CONNECTED", [], [])
    assert after.dialling.on_sip_event(CallEnded("call-1", "bye", 200))
    await after.hall.lanes.empty()
    assert set(after.reasons()) == {"CUSTOMER_DISCONNECT"}


async def consulting(inherits_call: bool) -> After:
    """Ann consults a third party, while the customer waits, when the house is killed."""
    before = Before()
    contact = await before.begin()
    floor = before.hall.center.floor
    first = floor.contacts[contact]
    party = Contact("t-1", TENANT, first.leg, NUMBER, Pii("+4930"), 990.0, 995.0, first.run, "connected")
    party.outside, first.talk.held = "t-1/party", True
    party.enter(first.talk)
    floor.contacts["t-1"] = party
    inherited = await before.killed()
    if inherits_call:
        placed(inherited, SavedDialled(contact, "t-1/party"))
    after = After(inherited)
    await after.finish(f"{contact}/customer", f"{contact}/agent-1", "t-1/party", room=contact)
    return after


def heard(after: After) -> set[tuple[str, str]]:
    picture = [decision for decision in after.hall.decisions if isinstance(decision, SetPicture)][-1]
    return {(hear.listener.partition("/")[2], hear.source.rpartition("/")[2]) for hear in picture.hearing}


async def test_a_third_party_goes_on_with_the_call_and_its_end_is_told() -> None:
    after = await consulting(inherits_call=True)
    assert (after.dialogs.ended, DropLeg("t-1/party") in after.media.asked) == ([], False)
    assert heard(after) == {("customer", "music"), ("agent-1", "party"), ("party", "agent-1")}
    assert after.dialling.on_sip_event(CallEnded("call-2", "bye", 200))
    await after.hall.lanes.empty()
    assert heard(after) == {("customer", "music")}


async def test_a_third_party_whose_call_was_lost_is_off_and_the_customer_is_not() -> None:
    after = await consulting(inherits_call=False)
    assert DropLeg("t-1/party") in after.media.asked
    assert after.reasons() == ["TELECOM_PROBLEM"]
    assert heard(after) == {("customer", "music")}


async def test_an_agent_whose_phone_was_lost_is_off_the_call() -> None:
    before = Before()
    contact = await before.begin()
    inherited = await before.killed()
    on_phone(inherited, None)
    after = After(inherited)
    await after.finish(f"{contact}/customer", f"{contact}/agent-1")
    assert (set(after.reasons()), after.state()) == ({"AGENT_DISCONNECT"}, "ENDED")


async def test_a_call_of_ours_that_nobody_goes_on_with_is_hung_up_and_its_leg_dropped() -> None:
    before = Before()
    contact = await before.begin()
    inherited = await before.killed()
    on_phone(inherited, SavedDialled(contact, f"{contact}/agent-7"))
    after = After(inherited)
    await after.finish(f"{contact}/customer", f"{contact}/agent-1", f"{contact}/agent-7")
    assert "call-2" in after.dialogs.ended
    assert DropLeg(f"{contact}/agent-7") in after.media.asked


async def test_what_cannot_be_read_does_not_keep_the_rest_from_being_taken_over() -> None:
    before = Before()
    contact = await before.begin()
    good = LiveState(LiveKey(TENANT, CONTACT, contact), 0.0, Pii("{}"))
    unknown = LiveState(LiveKey(TENANT, "fax", "f-1"), 0.0, Pii("1"))
    inherited = await load(States([good, unknown]), [TENANT])
    assert not any(inherited.contacts.values())
    assert [key.kind for key in inherited.keys] == [CONTACT, "fax"]
