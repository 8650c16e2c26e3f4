"""The agents' desk with the real centre; workers are scripted, notifications are kept."""

import asyncio
from typing import Any

import msgspec
import pytest

from ipc.messages import Command, Done, Refusal
from relay import api as relay
from signaling.center import events
from signaling.center.audit import AuditEvent
from signaling.center.center import Center
from signaling.center.decisions import Decision, DropAgent, TellAgent, TellContact
from signaling.center.resources import Outbound, RoutingProfile, SecurityProfile, Tenant, Trunk
from signaling.center.security import user_name
from signaling.endpoints.desk import AgentDesk
from signaling.house import House
from signaling.recordings.recording_desk import RecordingDesk
from signaling.softphone import protocol
from signaling.softphone.errors import Code, RpcError
from signaling.softphone.tokens import Tokens
from tests.signaling.center.floor_plan import NUMBER, TENANT, directory, wide
from vault.pii import Pii

RIVAL = Tenant("000000000002", "instance-2", "rival")
ANN, BOB = user_name(TENANT, "ann"), user_name(TENANT, "bob")


class Worker:
    """Answers at once, or when `go_on` is set; with success, or with the refusal that it was given."""

    def __init__(self) -> None:
        self.asked: list[Command[Any]] = []
        self.refusal: Refusal | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()

        self.rooms: list[str] = []

    def carries(self, room: str) -> bool:
        return room in self.rooms

    async def begin(self, room: str, leg: relay.AddBrowserLeg) -> relay.Media:
        self.rooms.append(room)
        media: relay.Media = await self.ask(room, leg)
        return media

    async def ask(self, _: str, command: Command[Any]) -> Any:
        self.asked.append(command)
        await self.go_on.wait()
        if self.refusal is not None:
            raise self.refusal
        return Done() if isinstance(command, relay.DropLeg) else relay.Media("answer")


class Office:
    def __init__(self) -> None:
        rival = Center(msgspec.structs.replace(directory(), tenant=RIVAL), lambda: "1" * 32)
        self.center = Center(directory(), lambda: "0" * 32)
        self.now = 1000.0
        self.house = House([rival, self.center], self._perform, lambda: self.now)
        self.worker, self.tokens = Worker(), Tokens()
        self.desk = AgentDesk(self.house, self.worker, self.tokens, "192.0.2.1", lambda: self.now)
        self.shown: list[tuple[str, protocol.Notification]] = []
        self.audited: list[tuple[str, str, str, str]] = []
        self.followed: list[str] = []
        recordings = RecordingDesk(self.house, self._keep, lambda: self.now)
        self.desk.serve(lambda user, notification: self.shown.append((user, notification)), recordings, self)
        self.dropped: list[str] = []

    def _perform(self, center: Center, decision: Decision) -> None:
        match decision:
            case TellAgent(user):
                self.desk.show_agent(center, user)
            case TellContact(user, contact):
                self.desk.show_contact(center, user, contact)
            case DropAgent(_, leg):
                self.dropped.append(leg)

    def follow(self, center: Center, user: str) -> None:
        """What is told to those who call phones."""
        self.followed.append(user)

    def _keep(self, tenant: Tenant, event: AuditEvent) -> None:
        assert (tenant, event.source) == (TENANT, "softphone")
        self.audited.append((event.actor, event.action, event.resource, event.outcome))

    async def available(self, name: str) -> None:
        self.desk.present(name)
        await self.desk.request(name, protocol.SetStatus("Available"))

    def call(self) -> None:
        self.house.tell(self.center, events.CallArrived("c-1", "c-1/customer", NUMBER, Pii("+15550199"), self.now))
        self.house.tell(self.center, events.PlayerFinished("c-1", "prompt"))

    async def connect(self, name: str) -> None:
        await self.desk.request(name, protocol.AcceptContact("c-1", "offer"))
        self.house.tell(self.center, events.AgentMediaUp("c-1"))

    def contact(self, name: str) -> protocol.Contact:
        [contact] = self.desk.snapshot(name).contacts
        return contact

    async def refused(self, name: str, request: protocol.Request) -> int:
        with pytest.raises(RpcError) as caught:
            await self.desk.request(name, request)
        return caught.value.code


@pytest.fixture
def office() -> Office:
    return Office()


async def test_who_takes_contacts_on_a_phone_accepts_without_an_offer_of_the_browser(office: Office) -> None:
    office.house.tell(office.center, events.PhonePresence("ann", True))
    await office.desk.request(ANN, protocol.SetEndpoint("phone"))
    agent = office.desk.snapshot(ANN).agent
    assert (agent.endpoint, agent.endpoints) == ("phone", ("browser", "phone"))
    await office.available(ANN)
    office.call()
    assert office.contact(ANN).endpoint == "phone"
    assert await office.desk.request(ANN, protocol.AcceptContact("c-1")) == protocol.Done()
    assert (office.contact(ANN).state, office.worker.asked) == ("CONNECTING", [])
    assert await office.refused(ANN, protocol.RenewMedia("c-1", "offer")) == Code.WRONG_STATE
    assert set(office.followed) == {"ann"}


async def test_the_endpoint_is_one_that_there_is(office: Office) -> None:
    assert await office.refused(ANN, protocol.SetEndpoint("phone")) == Code.INVALID_PARAMS
    await office.available(ANN)
    office.call()
    assert await office.refused(ANN, protocol.AcceptContact("c-1")) == Code.INVALID_PARAMS
    assert office.contact(ANN).state == "INCOMING"


async def test_an_offer_is_shown_to_its_agent_only_and_accepted(office: Office) -> None:
    await office.available(ANN)
    office.call()
    assert {user for user, _ in office.shown} == {ANN}
    offered = office.contact(ANN)
    assert (offered.state, offered.expires_at, offered.recording) == ("INCOMING", 1020.0, "armed")
    assert offered.customer.reveal() == "+15550199"
    answer = await office.desk.request(ANN, protocol.AcceptContact("c-1", "offer"))
    assert answer == protocol.Answer("answer")
    assert office.worker.asked == [relay.AddBrowserLeg("c-1/agent-1", "c-1", "192.0.2.1", "offer")]
    office.house.tell(office.center, events.AgentMediaUp("c-1"))
    assert (office.contact(ANN).state, office.contact(ANN).recording) == ("CONNECTED", "recording")


async def test_tokens_are_good_for_agents_of_their_own_instance(office: Office) -> None:
    def issue(name: str) -> str:
        return office.tokens.issue(name, office.now).reveal()

    assert office.desk.redeem(issue(ANN)) == ANN
    assert office.desk.redeem(issue(user_name(TENANT, "eve"))) is None
    assert office.desk.redeem(issue("ann")) is None
    await office.available(user_name(RIVAL, "ann"))
    office.call()
    assert office.desk.snapshot(user_name(RIVAL, "ann")).contacts == ()
    assert office.center.floor.agent("ann").present is False


async def test_requests_that_do_not_fit_are_refused_with_their_codes(office: Office) -> None:
    await office.available(ANN)
    office.call()
    assert await office.refused(ANN, protocol.HangUpContact("c-1")) == Code.WRONG_STATE
    assert await office.refused(BOB, protocol.AcceptContact("c-1", "offer")) == Code.NOT_FOUND
    assert await office.refused(ANN, protocol.RenewMedia("c-1", "offer")) == Code.WRONG_STATE
    assert await office.refused(ANN, protocol.SetStatus("Asleep")) == Code.INVALID_PARAMS
    assert await office.refused(user_name(TENANT, "eve"), protocol.SetStatus("Available")) == Code.FORBIDDEN
    assert office.worker.asked == []


@pytest.mark.parametrize(("code", "told"), [("bad_sdp", Code.MEDIA_UNUSABLE), ("gone", Code.UNAVAILABLE)])
async def test_media_that_cannot_be_had_gives_the_contact_to_the_next(office: Office, code: str, told: Code) -> None:
    await office.available(ANN)
    await office.available(BOB)
    office.call()
    office.worker.refusal = Refusal(code, "because")
    assert await office.refused(ANN, protocol.AcceptContact("c-1", "offer")) == told
    assert (office.contact(ANN).state, office.contact(ANN).reason) == ("ERROR", "because")
    assert office.dropped == ["c-1/agent-1"]
    assert office.contact(BOB).state == "INCOMING"


async def test_a_refusal_that_comes_late_is_not_put_down_to_the_next_agent(office: Office) -> None:
    await office.available(ANN)
    await office.available(BOB)
    office.call()
    office.worker.go_on.clear()
    slow = asyncio.ensure_future(office.refused(ANN, protocol.AcceptContact("c-1", "offer")))
    await asyncio.sleep(0)
    office.desk.absent(ANN)
    others = asyncio.ensure_future(office.desk.request(BOB, protocol.AcceptContact("c-1", "offer")))
    await asyncio.sleep(0)
    office.worker.refusal = Refusal("gone", "too slow")
    others.cancel()
    office.worker.go_on.set()
    assert await slow == Code.UNAVAILABLE
    assert office.contact(BOB).state == "CONNECTING"


async def test_a_contact_that_ends_while_it_is_accepted_leaves_no_leg(office: Office) -> None:
    await office.available(ANN)
    office.call()
    office.worker.go_on.clear()
    accepting = asyncio.ensure_future(office.desk.request(ANN, protocol.AcceptContact("c-1", "offer")))
    await asyncio.sleep(0)
    office.house.tell(office.center, events.CustomerLeft("c-1"))
    office.worker.go_on.set()
    await accepting
    # The leg's command was on its way before the one that drops it: the worker takes them in this order.
    assert [type(command) for command in office.worker.asked] == [relay.AddBrowserLeg]
    assert office.dropped == ["c-1/agent-1"]
    assert office.desk.snapshot(ANN).contacts == ()
    assert office.shown[-1][0] == ANN


async def test_mute_hold_and_the_end(office: Office) -> None:
    await office.available(ANN)
    office.call()
    await office.connect(ANN)
    await office.desk.request(ANN, protocol.MuteContact("c-1", True))
    await office.desk.request(ANN, protocol.HoldContact("c-1", True))
    held = office.contact(ANN)
    assert (held.state, held.muted, held.on_hold) == ("CONNECTED_ONHOLD", True, True)
    await office.desk.request(ANN, protocol.RenewMedia("c-1", "offer"))
    await office.desk.request(ANN, protocol.SetStatus("Lunch"))
    assert office.desk.snapshot(ANN).agent.next_status == "Lunch"
    await office.desk.request(ANN, protocol.HangUpContact("c-1"))
    ended = office.contact(ANN)
    assert (ended.state, ended.muted, ended.on_hold, ended.recording) == ("ENDED", False, False, "stopped")
    await office.desk.request(ANN, protocol.ClearContact("c-1"))
    snapshot = office.desk.snapshot(ANN)
    assert (snapshot.contacts, snapshot.agent.status, snapshot.agent.routable) == ((), "Lunch", False)
    assert (ANN, protocol.ContactRemoved("c-1")) in office.shown


async def test_what_another_agent_does_with_the_contact_is_not_shown_to_who_missed_it(office: Office) -> None:
    await office.available(ANN)
    await office.available(BOB)
    office.call()
    await office.desk.request(ANN, protocol.RejectContact("c-1"))
    await office.connect(BOB)
    await office.desk.request(BOB, protocol.MuteContact("c-1", True))
    missed = office.contact(ANN)
    assert (missed.state, missed.connected_at, missed.muted, missed.recording) == ("REJECTED", None, False, "off")


async def test_an_agent_pauses_resumes_and_stops_his_recording(office: Office) -> None:
    await office.available(ANN)
    office.call()
    await office.connect(ANN)
    assert office.contact(ANN).controls == ("securePause", "suspend", "stop")
    steps: list[tuple[protocol.Request, str]] = [
        (protocol.SuspendRecording("c-1"), "suspended"),
        (protocol.ResumeRecording("c-1"), "recording"),
        (protocol.SecurePause("c-1", True, digits=2, pound=True), "secured"),
        (protocol.SecurePause("c-1", False), "recording"),
        (protocol.StopRecording("c-1"), "stopped"),
    ]
    for request, state in steps:
        assert await office.desk.request(ANN, request) == protocol.Done()
        assert office.contact(ANN).recording == state
        if state == "secured":
            assert office.contact(ANN).secure == protocol.SecureState(2, 0, True)
    assert [(actor, action) for actor, action, *_ in office.audited] == [
        ("ann", "SuspendContactRecording"),
        ("ann", "ResumeContactRecording"),
        ("ann", "SecurePause"),
        ("ann", "SecurePause"),
        ("ann", "StopContactRecording"),
    ]
    assert {rest for *_, rest in office.audited} == {"allowed"}


async def test_what_an_agent_may_not_do_to_a_recording_is_refused_and_audited(office: Office) -> None:
    await office.available(ANN)
    await office.available(BOB)
    office.call()
    assert await office.refused(ANN, protocol.SuspendRecording("c-1")) == Code.WRONG_STATE
    await office.connect(ANN)
    assert await office.refused(BOB, protocol.StopRecording("c-1")) == Code.NOT_FOUND
    assert await office.refused(ANN, protocol.SuspendRecording("c-2")) == Code.NOT_FOUND
    assert await office.refused(ANN, protocol.ResumeRecording("c-1")) == Code.WRONG_STATE
    await office.desk.request(ANN, protocol.HangUpContact("c-1"))
    assert await office.refused(ANN, protocol.StopRecording("c-1")) == Code.WRONG_STATE
    assert [outcome for *_, outcome in office.audited] == ["refused"] * 5


async def test_an_agent_without_the_permission_is_shown_no_controls_and_has_none(office: Office) -> None:
    await office.available(BOB)
    office.call()
    await office.connect(BOB)
    assert (office.contact(BOB).recording, office.contact(BOB).controls) == ("recording", ())
    assert await office.refused(BOB, protocol.SuspendRecording("c-1")) == Code.FORBIDDEN
    assert office.contact(BOB).recording == "recording"


async def test_digits_go_to_the_customers_leg_while_the_two_talk(office: Office) -> None:
    request = protocol.SendDigits("c-1", Pii("12#"))
    await office.available(ANN)
    office.call()
    assert await office.refused(ANN, request) == Code.WRONG_STATE
    await office.connect(ANN)
    assert await office.desk.request(ANN, request) == protocol.Done()
    assert office.worker.asked[-1] == relay.SendDigits("c-1/customer", "12#")
    office.worker.refusal = Refusal("bad_command", "no digits")
    assert await office.refused(ANN, protocol.SendDigits("c-1", Pii("x"))) == Code.INVALID_PARAMS
    assert await office.refused(BOB, request) == Code.NOT_FOUND
    office.worker.refusal = None
    await office.desk.request(ANN, protocol.HoldContact("c-1", True))
    assert await office.refused(ANN, request) == Code.WRONG_STATE


def an_office_that_dials() -> Office:
    office = Office()
    plan = msgspec.structs.replace(
        directory(),
        routing_profiles=(RoutingProfile("profile-1", "Support", (), "queue-1"),),
        security_profiles=(SecurityProfile("agent", "Agent", ("OutboundCallAccess",)),),
        trunks=(Trunk("carrier", (), outbound=Outbound(("sip.test",))),),
    )
    office.center.floor = Center(plan, lambda: "0" * 32).floor
    return office


async def test_who_dials_connects_his_sound_as_the_first_leg_of_the_room() -> None:
    office = an_office_that_dials()
    await office.available(ANN)
    assert office.desk.snapshot(ANN).agent.may_dial and not office.desk.snapshot(BOB).agent.may_dial
    dialled = await office.desk.request(ANN, protocol.DialContact(Pii("+49 30 1")))
    assert isinstance(dialled, protocol.Dialled)
    [contact] = office.desk.snapshot(ANN).contacts
    assert (contact.contact_id, contact.state, contact.outbound) == (dialled.contact_id, "CONNECTING", True)
    assert (contact.customer.reveal(), contact.progress, contact.queue) == ("+49301", "dialling", "Support")
    answer = await office.desk.request(ANN, protocol.RenewMedia(dialled.contact_id, "offer"))
    assert answer == protocol.Answer("answer")
    [added] = office.worker.asked
    assert added == relay.AddBrowserLeg(f"{dialled.contact_id}/agent-1", dialled.contact_id, "192.0.2.1", "offer")
    await office.desk.request(ANN, protocol.RenewMedia(dialled.contact_id, "again"))  # the page was reloaded
    assert isinstance(office.worker.asked[-1], relay.Renegotiate)


async def test_without_media_for_who_dials_the_contact_ends() -> None:
    office = an_office_that_dials()
    await office.available(ANN)
    dialled = await office.desk.request(ANN, protocol.DialContact(Pii("+49301")))
    assert isinstance(dialled, protocol.Dialled)
    office.worker.refusal = Refusal("no_port", "none left")
    with pytest.raises(RpcError):
        await office.desk.request(ANN, protocol.RenewMedia(dialled.contact_id, "offer"))
    [contact] = office.desk.snapshot(ANN).contacts
    assert (contact.state, contact.reason, office.house.live_contacts()) == ("ERROR", "none left", [])


async def test_what_cannot_be_dialled_is_said() -> None:
    office = an_office_that_dials()
    await office.available(ANN)
    await office.available(BOB)
    for user, number, code in ((BOB, "+49301", Code.FORBIDDEN), (ANN, "x", Code.INVALID_PARAMS)):
        with pytest.raises(RpcError) as refused:
            await office.desk.request(user, protocol.DialContact(Pii(number)))
        assert refused.value.code == code
    await office.desk.request(ANN, protocol.DialContact(Pii("+49301")))
    with pytest.raises(RpcError) as refused:
        await office.desk.request(ANN, protocol.DialContact(Pii("+49301")))
    assert refused.value.code == Code.WRONG_STATE


async def test_a_call_is_transferred_in_one_room_and_shown_to_both(office: Office) -> None:
    office.center.floor.quick_connects = {one.id: one for one in wide().quick_connects}
    await office.available(ANN)
    await office.available(BOB)
    office.call()
    await office.connect(ANN)
    told = office.desk.snapshot(ANN).agent.quick_connects
    assert [(one.id, one.type) for one in told] == [("to-bob", "USER"), ("to-sales", "QUEUE"), ("to-eve", "USER")]
    customer = protocol.Participant("customer", "", "CONNECTED")
    assert office.contact(ANN).participants == (customer,)
    await office.desk.request(ANN, protocol.TransferContact("c-1", "to-bob"))
    theirs = office.contact(BOB).contact_id
    held = msgspec.structs.replace(customer, on_hold=True)
    assert office.contact(ANN).participants == (held, protocol.Participant(theirs, "Bob", "ASKED"))
    assert (office.contact(BOB).state, office.contact(BOB).participants) == ("INCOMING", ())
    await office.desk.request(BOB, protocol.AcceptContact(theirs, "offer"))
    assert relay.AddBrowserLeg(f"{theirs}/agent-1", "c-1", "192.0.2.1", "offer") in office.worker.asked
    office.house.tell(office.center, events.AgentMediaUp(theirs))
    assert office.contact(BOB).participants == (held, protocol.Participant("c-1", "Ann", "CONNECTED"))
    await office.desk.request(ANN, protocol.HoldContact("c-1", False, "all"))
    await office.desk.request(ANN, protocol.HoldContact("c-1", True, theirs))
    assert (office.contact(BOB).parked, office.contact(BOB).state) == (True, "CONNECTED")
    assert await office.refused(ANN, protocol.TransferContact("c-1", "nobody")) == Code.INVALID_PARAMS
    assert await office.refused(ANN, protocol.TransferContact("c-1", "to-bob")) == Code.WRONG_STATE
    assert await office.refused(ANN, protocol.DropParticipant("c-1", "nobody")) == Code.NOT_FOUND
    await office.desk.request(ANN, protocol.HangUpContact("c-1"))
    await office.desk.request(ANN, protocol.ClearContact("c-1"))
    assert (office.contact(BOB).parked, office.contact(BOB).participants) == (False, (customer,))
    await office.desk.request(BOB, protocol.SendDigits(theirs, Pii("1")))
    assert relay.SendDigits("c-1/customer", "1") in office.worker.asked
    assert office.house.of_contact("c-1") is office.center  # the customer's leg still has its name
    office.house.tell(office.center, events.CustomerLeft("c-1"))
    assert office.contact(BOB).state == "ENDED"
