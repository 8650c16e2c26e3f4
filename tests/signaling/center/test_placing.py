"""Calls that the contact centre places."""

from typing import Any

import msgspec
import pytest

from relay.api import Hear, Tap
from signaling.center import events
from signaling.center.agent_states import WrongState
from signaling.center.call import MUSIC, PROMPT, RINGBACK
from signaling.center.center import Center
from signaling.center.decisions import (
    DropAgent,
    DropCustomer,
    PlaceCall,
    PlayPrompt,
    PlayRingback,
    SetPicture,
    StartRecording,
    StopPlayer,
    TellContact,
)
from signaling.center.floor import NotAllowed, NotYours
from signaling.center.resources import Flow, NumberRule, Outbound, Queue, RoutingProfile, SecurityProfile, Trunk
from signaling.sip.calls.outcome import Outcome
from tests.signaling.center.floor_plan import NUMBER, Shift, action, directory, document
from vault.pii import Pii

CALLED = "+49 30 1234"
C, CUSTOMER, AGENT = "c-1", "c-1/customer", "c-1/agent-1"
RECORD = action(
    "record", "UpdateContactRecordingBehavior", "say", RecordingBehavior={"RecordedParticipants": ["Agent", "Customer"]}
)
WHISPER = document(
    RECORD, action("say", "MessageParticipant", "end", Text="This call is recorded."), action("end", "EndFlowExecution")
)
SILENT = document(RECORD | {"Transitions": {"NextAction": "end"}}, action("end", "EndFlowExecution"))


def a_shift(outbound_flow: dict[str, Any] = SILENT) -> Shift:
    shift = Shift()
    plan = msgspec.structs.replace(
        directory(),
        queues=(Queue("queue-1", "Support"), Queue("sales", "Sales", NUMBER, "Acme", "out")),
        flows=(*directory().flows, Flow("out", "Out", outbound_flow)),
        routing_profiles=(RoutingProfile("profile-1", "Support", directory().routing_profiles[0].rows, "sales"),),
        security_profiles=(SecurityProfile("agent", "Agent", ("OutboundCallAccess",)),),
        trunks=(Trunk("carrier", (), outbound=Outbound(("sip.test",), (NumberRule("+49*", prepend="0", strip=3),))),),
    )
    shift.center = Center(plan, lambda: "0" * 32)
    shift.sign_in("ann")
    return shift


def place(shift: Shift) -> None:
    """Ann dials, and her sound is there."""
    shift.tell(events.PlaceContact(C, "ann", Pii(CALLED)))
    shift.tell(events.AgentMediaUp(C))


def pictures(shift: Shift) -> tuple[Hear, ...]:
    return shift.last(SetPicture).hearing


def test_nobody_is_called_before_the_agent_can_hear() -> None:
    shift = a_shift()
    shift.tell(events.PlaceContact(C, "ann", Pii(CALLED)))
    assert (shift.state("ann"), shift.all(PlaceCall)) == ("CONNECTING", [])
    record = shift.record(C)
    assert (record.initiation_method, record.customer.reveal(), record.system) == ("OUTBOUND", "+49301234", NUMBER)
    assert record.queue is not None and record.queue.name == "Sales"
    shift.tell(events.AgentMediaUp(C))
    call = shift.last(PlaceCall)
    assert (call.leg, call.caller_name, call.ring_seconds) == (CUSTOMER, "Acme", None)
    [route] = call.routes
    assert (route.called.reveal(), route.caller) == ("0301234", NUMBER)
    shift.tell(events.AgentMediaUp(C))  # a new transport of the same leg
    assert len(shift.all(PlaceCall)) == 1


def test_ringback_then_the_network_s_own_sound_then_the_two_are_joined_and_recorded() -> None:
    shift = a_shift()
    place(shift)
    assert pictures(shift) == ()
    shift.tell(events.CalledRinging(C))
    assert (pictures(shift), shift.last(PlayRingback).player) == ((Hear(AGENT, RINGBACK),), RINGBACK)
    shift.tell(events.CalledEarly(C))
    assert pictures(shift) == (Hear(AGENT, CUSTOMER),)  # and nobody hears the agent
    assert shift.last(StopPlayer).player == RINGBACK
    shift.tell(events.CalledRinging(C))
    assert len(shift.all(PlayRingback)) == 1
    shift.now += 5
    shift.tell(events.CalledAnswered(C))
    assert (shift.state("ann"), pictures(shift)) == ("CONNECTED", (Hear(AGENT, CUSTOMER), Hear(CUSTOMER, AGENT)))
    recording = shift.last(StartRecording).recording
    assert shift.last(SetPicture).taps == (Tap(AGENT, recording, 0), Tap(CUSTOMER, recording, 1))
    record = shift.record(C)
    assert (record.outcome, record.sip_status, record.connected_to_system) == ("answered", 200, shift.now)
    assert record.agent is not None and record.agent.connected == shift.now


def test_what_the_outbound_flow_says_is_heard_by_the_called_side_before_they_are_joined() -> None:
    shift = a_shift(WHISPER)
    place(shift)
    shift.tell(events.CalledAnswered(C))
    assert (shift.state("ann"), pictures(shift)) == ("CONNECTING", (Hear(CUSTOMER, PROMPT),))
    assert (shift.last(PlayPrompt).text, shift.all(StartRecording)) == ("This call is recorded.", [])
    shift.tell(events.PlayerFinished(C, PROMPT))
    assert (shift.state("ann"), len(shift.all(StartRecording))) == ("CONNECTED", 1)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("busy", "OTHER"), ("no_answer", "OTHER"), ("rejected", "OTHER"), ("failed", "TELECOM_PROBLEM")],
)
def test_the_agent_and_the_record_are_told_why_nobody_answered(outcome: Outcome, reason: str) -> None:
    shift = a_shift()
    place(shift)
    shift.tell(events.CalledRinging(C))
    shift.tell(events.CalledFailed(C, outcome, 486, "Q.850;cause=17"))
    assignment = shift.center.floor.agent("ann").assignment
    assert assignment is not None and (assignment.state, assignment.reason) == ("ERROR", outcome)
    record = shift.record(C)
    assert (record.outcome, record.sip_status, record.sip_reason) == (outcome, 486, "Q.850;cause=17")
    assert (record.disconnect_reason, record.completed) == (reason, shift.now)
    assert shift.last(StopPlayer).player == RINGBACK
    kinds = [type(item) for item in shift.decisions]
    assert kinds.index(DropAgent) < kinds.index(DropCustomer)  # the room is forgotten with the customer
    assert shift.center.floor.contacts == {}
    shift.tell(events.Clear("ann", C))
    assert shift.center.floor.agent("ann").routable


def test_the_agent_gives_up_before_the_answer() -> None:
    shift = a_shift()
    place(shift)
    shift.tell(events.HangUp("ann", C))
    assert shift.state("ann") is None
    record = shift.record(C)
    assert (record.outcome, record.disconnect_reason) == ("cancelled", "AGENT_DISCONNECT")
    assert shift.last(DropCustomer).leg == CUSTOMER
    assert shift.tell(events.CalledAnswered(C)) == []


def test_a_call_that_was_answered_ends_like_any_other() -> None:
    shift = a_shift()
    place(shift)
    shift.tell(events.CalledAnswered(C))
    shift.tell(events.Hold("ann", C, True))
    assert pictures(shift) == (Hear(CUSTOMER, MUSIC),)
    shift.now += 30
    shift.tell(events.CustomerLeft(C, reason="Q.850;cause=16"))
    assert shift.state("ann") == "ENDED"
    shift.tell(events.Clear("ann", C))
    record = shift.record(C)
    assert (record.disconnect_reason, record.sip_reason, record.outcome) == (
        "CUSTOMER_DISCONNECT", "Q.850;cause=16", "answered",
    )  # fmt: skip
    assert record.completed == shift.now


@pytest.mark.parametrize("how", ["late", "failed", "absent", "lost"])
def test_without_the_agent_s_sound_the_contact_ends(how: str) -> None:
    shift = a_shift()
    shift.tell(events.PlaceContact(C, "ann", Pii(CALLED)))
    if how == "late":
        shift.pass_time(16)
    elif how == "failed":
        shift.tell(events.AgentMediaFailed(C, "no way"))
    elif how == "absent":
        shift.tell(events.AgentAbsent("ann"))
    else:
        shift.tell(events.MediaLost(C))
    assert (shift.all(PlaceCall), shift.center.floor.contacts) == ([], {})
    assert shift.record(C).completed is not None
    assert shift.record(C).outcome == {"absent": "cancelled", "lost": None}.get(how, "failed")
    assert shift.state("ann") == ("ERROR" if how in ("late", "failed") else None)


def test_an_agent_who_leaves_while_it_rings_takes_the_call_with_him() -> None:
    shift = a_shift()
    place(shift)
    shift.tell(events.AgentAbsent("ann"))
    assert (shift.all(DropCustomer) != [], shift.record(C).disconnect_reason) == (True, "AGENT_DISCONNECT")


def test_who_may_dial() -> None:
    shift = a_shift()
    with pytest.raises(NotYours):
        shift.tell(events.PlaceContact(C, "eve", Pii(CALLED)))
    with pytest.raises(NotAllowed):
        shift.tell(events.PlaceContact(C, "bob", Pii(CALLED)))
    for number in ("+331", "me", "1;isub=2"):
        with pytest.raises(ValueError, match="number"):
            shift.tell(events.PlaceContact(C, "ann", Pii(number)))
    assert shift.center.floor.contacts == {}
    place(shift)
    with pytest.raises(WrongState):
        shift.tell(events.PlaceContact("c-2", "ann", Pii(CALLED)))


def test_without_an_outbound_queue_an_agent_dials_nobody() -> None:
    shift = Shift()
    plan = directory()
    profile = SecurityProfile("agent", "Agent", ("OutboundCallAccess",))
    shift.center = Center(msgspec.structs.replace(plan, security_profiles=(profile,)), lambda: "0" * 32)
    with pytest.raises(ValueError, match="no queue"):
        shift.tell(events.PlaceContact(C, "ann", Pii(CALLED)))


def test_who_is_called_by_api_is_in_the_flow_when_he_answers() -> None:
    shift = a_shift()
    asked = events.StartOutbound(C, Pii(CALLED), "flow-1", "sales", attributes={"order": Pii("4711")}, ring_seconds=20)
    shift.tell(asked)
    call = shift.last(PlaceCall)
    assert (call.caller_name, call.ring_seconds, call.routes[0].caller) == ("Acme", 20, NUMBER)
    assert shift.record(C).initiation_method == "API"
    shift.tell(events.CalledRinging(C))
    assert shift.all(PlayRingback) == []
    shift.tell(events.CalledAnswered(C))
    assert (pictures(shift), shift.last(PlayPrompt).text) == ((Hear(CUSTOMER, PROMPT),), "Welcome.")
    shift.tell(events.PlayerFinished(C, PROMPT))
    assert shift.last(TellContact).user == "ann"  # it is offered to her
    shift.connect(C, "ann")
    assert (shift.state("ann"), pictures(shift)) == ("CONNECTED", (Hear(AGENT, CUSTOMER), Hear(CUSTOMER, AGENT)))
    record = shift.record(C)
    assert (record.outcome, record.attributes["order"].reveal()) == ("answered", "4711")
    assert record.queue is not None and record.queue.name == "Support"


def test_a_call_by_api_that_nobody_answers() -> None:
    shift = a_shift()
    shift.tell(events.StartOutbound(C, Pii(CALLED), "flow-1"))
    shift.tell(events.CalledFailed(C, "no_answer", 487))
    assert (shift.record(C).outcome, shift.center.floor.contacts) == ("no_answer", {})


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (events.StartOutbound(C, Pii(CALLED), "none"), "flow"),
        (events.StartOutbound(C, Pii(CALLED), "flow-1", "none"), "queue"),
        (events.StartOutbound(C, Pii(CALLED), "flow-1", caller="+1999"), "none of the instance"),
        (events.StartOutbound(C, Pii("+331"), "flow-1"), "no trunk"),
    ],
)
def test_what_cannot_be_asked_for(asked: events.StartOutbound, why: str) -> None:
    shift = a_shift()
    with pytest.raises(ValueError, match=why):
        shift.tell(asked)
    assert shift.center.floor.contacts == {}


def test_an_agent_who_takes_calls_on_his_phone_is_called_there_first() -> None:
    shift = a_shift()
    shift.tell(events.PhonePresence("ann", True))
    shift.tell(events.SetEndpoint("ann", "phone"))
    shift.tell(events.PlaceContact(C, "ann", Pii(CALLED)))
    assignment = shift.center.floor.agent("ann").assignment
    assert assignment is not None and (assignment.endpoint, assignment.state) == ("phone", "CONNECTING")
    assert assignment.expires == shift.now + 20  # for him to pick it up
    shift.tell(events.AgentMediaUp(C))
    assert len(shift.all(PlaceCall)) == 1
    shift.tell(events.AgentMediaFailed(C, "He hung up."))
    assert (shift.record(C).outcome, shift.state("ann")) == ("cancelled", "ERROR")
