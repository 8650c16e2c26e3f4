"""A third party who is called by his number: who hears whom, what the agents' recordings have, and what becomes of
every contact, whoever leaves first."""

from typing import Any

import msgspec
import pytest

from signaling.center import events
from signaling.center.center import Center
from signaling.center.decisions import (
    DropCustomer,
    DropThirdParty,
    PlaceCall,
    PlayRingback,
    SealRecording,
    StartRecording,
    StopPlayer,
)
from signaling.center.floor import NotAllowed, NotYours
from signaling.center.outbound import NoRoute
from signaling.center.resources import Directory, NumberRule, Outbound, Queue, QuickConnect, SecurityProfile, Trunk
from signaling.center.segments import NotNow
from signaling.sip.calls.outcome import Outcome
from tests.signaling.center.floor_plan import NUMBER, Shift, wide
from tests.signaling.center.test_transferring import heard, live, mesh
from vault.pii import Pii

CUSTOMER, ANN, BOB, PARTY = "c/customer", "c/agent-1", "b/agent-1", "t/party"
ANNS, BOBS = f"{1:032x}", f"{2:032x}"
BANK = "+49301234"


def with_bank(permission: str = "OutboundCallAccess") -> Directory:
    """A trunk, a quick connect to a number, and agents of whom Ann may dial."""
    plan = wide()
    rule = NumberRule("+49*", strip=3, prepend="0")
    return msgspec.structs.replace(
        plan,
        security_profiles=(SecurityProfile("agent", "Agent", (permission,)),),
        queues=(Queue("queue-1", "Support", NUMBER, "Acme"), *plan.queues[1:]),
        trunks=(Trunk("carrier", (), outbound=Outbound(("sip.test",), (rule,))),),
        quick_connects=(*plan.quick_connects, QuickConnect("to-bank", "The bank", "PHONE_NUMBER", "+49 30 1234")),
    )


def a_shift(permission: str = "OutboundCallAccess") -> Shift:
    """Ann, who may dial, talks with a customer; Bob, who may not, is free."""
    shift, ids = Shift(), iter(range(1, 100))
    shift.center = Center(with_bank(permission), lambda: f"{next(ids):032x}")
    shift.sign_in("ann", "bob")
    shift.call("c")
    shift.connect("c", "ann")
    shift.pass_time(10)
    return shift


@pytest.fixture
def shift() -> Shift:
    return a_shift()


def ask(shift: Shift, contact: str = "t") -> None:
    shift.tell(events.Transfer("ann", "c", "to-bank", contact))


def consult(shift: Shift) -> None:
    ask(shift)
    shift.pass_time(2)
    shift.tell(events.CalledRinging("t"))
    shift.pass_time(3)
    shift.tell(events.CalledAnswered("t"))


def confer(shift: Shift) -> None:
    consult(shift)
    shift.pass_time(4)
    shift.tell(events.Hold("ann", "c", False, "all"))
    shift.pass_time(4)


def test_he_is_called_as_the_queue_shows_itself_and_the_customer_hears_music(shift: Shift) -> None:
    ask(shift)
    call = shift.last(PlaceCall)
    assert (call.contact, call.leg, call.room, call.caller_name) == ("t", PARTY, "c", "Acme")
    assert call.passed_on == NUMBER
    [route] = call.routes
    assert (route.called.reveal(), route.caller) == ("0301234", NUMBER)
    assert heard(shift) == {(CUSTOMER, "music")}
    assert live(shift) == {ANNS: {ANN}}
    record = shift.record("t")
    assert (record.initiation_method, record.previous_contact, record.initial_contact) == (
        "EXTERNAL_OUTBOUND",
        "c",
        "c",
    )
    assert (record.customer.reveal(), record.system, record.connected_to_system) == (BANK, NUMBER, None)
    assert shift.record("c").next_contact == "t"


def test_a_number_is_typed_in(shift: Shift) -> None:
    shift.tell(events.Transfer("ann", "c", "", "t", Pii("+49 (30) 12-34")))
    assert shift.record("t").customer.reveal() == BANK


def test_the_agent_hears_how_far_the_call_is_and_nobody_else_does(shift: Shift) -> None:
    ask(shift)
    shift.tell(events.CalledRinging("t"))
    assert shift.all(PlayRingback) == [PlayRingback("c", "ringback")]
    assert heard(shift) == {(CUSTOMER, "music"), (ANN, "ringback")}
    shift.tell(events.CalledEarly("t"))
    assert heard(shift) == {(CUSTOMER, "music"), (ANN, PARTY)}
    assert StopPlayer("c", "ringback") in shift.decisions
    assert live(shift) == {ANNS: {ANN}}


def test_they_consult_then_all_are_joined_and_the_file_has_each_on_its_time_line(shift: Shift) -> None:
    consult(shift)
    assert heard(shift) == {(CUSTOMER, "music"), *mesh(ANN, PARTY)}
    assert live(shift) == {ANNS: {ANN, PARTY}}
    parties = shift.last(StartRecording).parties
    assert [(one.index, one.role, one.participant) for one in parties] == [
        (0, "agent", ANN), (1, "other", CUSTOMER), (3, "other", PARTY),
    ]  # fmt: skip
    shift.tell(events.Hold("ann", "c", False, "all"))
    assert heard(shift) == mesh(CUSTOMER, ANN, PARTY)
    assert live(shift) == {ANNS: {CUSTOMER, ANN, PARTY}}
    shift.tell(events.Hold("ann", "c", True, "t"))
    assert heard(shift) == {(PARTY, "music"), *mesh(CUSTOMER, ANN)}
    assert live(shift) == {ANNS: {CUSTOMER, ANN}}
    assert len({start.recording for start in shift.all(StartRecording)}) == 1  # none of his own


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("first", ["customer", "party"])
def test_without_the_agent_they_talk_on_unrecorded_until_one_leaves(shift: Shift, joined: bool, first: str) -> None:
    confer(shift) if joined else consult(shift)
    made = shift.tell(events.HangUp("ann", "c"))
    assert SealRecording("c", ANNS) in made
    assert heard(shift) == mesh(CUSTOMER, PARTY)
    assert live(shift) == {}
    shift.tell(events.Clear("ann", "c"))
    shift.pass_time(60)
    made = shift.tell(events.CustomerLeft("c" if first == "customer" else "t"))
    assert DropCustomer("c", CUSTOMER) in made
    assert DropThirdParty("t", PARTY, "c") in made
    told, agents = shift.record("t"), shift.record("c")
    expected = "CUSTOMER_DISCONNECT" if first == "customer" else "THIRD_PARTY_DISCONNECT"
    assert (told.disconnect_reason, agents.disconnect_reason) == (expected, "AGENT_DISCONNECT")
    assert told.connected_to_system is not None
    assert told.disconnected is not None
    assert told.disconnected - told.connected_to_system == (68 if joined else 60)
    assert (told.completed, told.agent, told.outcome, told.sip_status) == (told.disconnected, None, "answered", 200)
    assert shift.center.floor.contacts == {}


def test_when_he_leaves_the_customer_is_still_there(shift: Shift) -> None:
    consult(shift)
    made = shift.tell(events.CustomerLeft("t"))
    assert DropThirdParty("t", PARTY, "c") in made
    assert heard(shift) == {(CUSTOMER, "music")}
    assert shift.record("t").disconnect_reason == "THIRD_PARTY_DISCONNECT"
    shift.tell(events.Hold("ann", "c", False))
    assert heard(shift) == mesh(CUSTOMER, ANN)
    shift.tell(events.CustomerLeft("c"))
    assert shift.record("c").disconnect_reason == "CUSTOMER_DISCONNECT"
    assert shift.record("c").next_contact == "t"


def test_when_he_leaves_a_conference_the_others_talk_on(shift: Shift) -> None:
    confer(shift)
    shift.tell(events.CustomerLeft("t", failed=True, reason="Q.850;cause=38"))
    assert heard(shift) == mesh(CUSTOMER, ANN)
    assert live(shift) == {ANNS: {CUSTOMER, ANN}}
    record = shift.record("t")
    assert (record.disconnect_reason, record.sip_reason) == ("TELECOM_PROBLEM", "Q.850;cause=38")


@pytest.mark.parametrize(("outcome", "status"), [("busy", 486), ("no_answer", 487), ("rejected", 603), ("failed", 404)])
def test_why_he_does_not_come_is_told_and_the_customer_is_taken_back(
    shift: Shift, outcome: Outcome, status: int
) -> None:
    ask(shift)
    shift.tell(events.CalledRinging("t"))
    shift.tell(events.CalledFailed("t", outcome, status, "Q.850;cause=1"))
    assert heard(shift) == {(CUSTOMER, "music")}
    contact = shift.center.floor.contacts["c"]
    assert (contact.unreached, contact.next) == (outcome, None)
    record = shift.record("t")
    assert (record.outcome, record.sip_status, record.sip_reason) == (outcome, status, "Q.850;cause=1")
    assert record.disconnect_reason == ("TELECOM_PROBLEM" if outcome == "failed" else "OTHER")
    assert record.completed is not None
    shift.tell(events.Hold("ann", "c", False))
    assert heard(shift) == mesh(CUSTOMER, ANN)
    ask(shift, "u")
    assert contact.unreached is None


@pytest.mark.parametrize("answered", [True, False])
def test_an_agent_drops_him(shift: Shift, answered: bool) -> None:
    consult(shift) if answered else ask(shift)
    made = shift.tell(events.Drop("ann", "c", "t"))
    assert DropThirdParty("t", PARTY, "c") in made
    assert heard(shift) == {(CUSTOMER, "music")}
    assert shift.record("t").outcome == ("answered" if answered else "cancelled")
    assert shift.tell(events.CalledAnswered("t")) == []  # the answer and the CANCEL have crossed


def test_a_customer_who_leaves_while_it_rings_ends_everything(shift: Shift) -> None:
    ask(shift)
    made = shift.tell(events.CustomerLeft("c"))
    assert DropThirdParty("t", PARTY, "c") in made
    assert shift.state("ann") == "ENDED"
    assert (shift.record("t").outcome, shift.record("t").disconnect_reason) == ("cancelled", "CUSTOMER_DISCONNECT")


def test_who_is_passed_on_blindly_hears_music_until_he_answers(shift: Shift) -> None:
    ask(shift)
    shift.tell(events.CalledRinging("t"))
    shift.tell(events.HangUp("ann", "c"))
    assert heard(shift) == {(CUSTOMER, "music")}
    shift.tell(events.CalledAnswered("t"))
    assert heard(shift) == mesh(CUSTOMER, PARTY)
    assert live(shift) == {}


def test_who_is_passed_on_blindly_and_not_taken_is_hung_up(shift: Shift) -> None:
    ask(shift)
    shift.tell(events.AgentAbsent("ann"))
    made = shift.tell(events.CalledFailed("t", "busy", 486))
    assert DropCustomer("c", CUSTOMER) in made
    assert shift.center.floor.contacts == {}


def test_a_further_agent_comes_and_goes(shift: Shift) -> None:
    confer(shift)
    shift.tell(events.Transfer("ann", "c", "to-bob", "b"))
    shift.connect("b", "bob")
    assert heard(shift) == {(CUSTOMER, "music"), *mesh(ANN, BOB, PARTY)}
    assert live(shift) == {ANNS: {ANN, BOB, PARTY}, BOBS: {ANN, BOB, PARTY}}
    shift.tell(events.Hold("bob", "b", True, "t"))
    shift.tell(events.HangUp("ann", "c"))
    assert heard(shift) == mesh(CUSTOMER, BOB, PARTY)
    shift.tell(events.Hold("bob", "b", True))
    shift.tell(events.HangUp("bob", "b"))  # nobody stays on hold without an agent
    assert heard(shift) == mesh(CUSTOMER, PARTY)
    assert live(shift) == {}


def test_digits_reach_whom_the_agent_speaks_to(shift: Shift) -> None:
    contact = shift.center.floor.contacts["c"]
    assert contact.lines() == [CUSTOMER]
    consult(shift)
    assert contact.lines() == [PARTY]
    shift.tell(events.Hold("ann", "c", False, "all"))
    assert contact.lines() == [CUSTOMER, PARTY]
    shift.tell(events.Hold("ann", "c", True, "all"))
    assert contact.lines() == []


def test_what_does_not_fit_changes_nothing(shift: Shift) -> None:
    before = len(shift.decisions), heard(shift)
    refused: list[tuple[Any, type[Exception]]] = [
        (events.Transfer("ann", "c", "", "t", Pii("+1 555")), NoRoute),
        (events.Transfer("ann", "c", "", "t", Pii("the bank")), ValueError),
        (events.Transfer("ann", "c", "", "t"), ValueError),
        (events.Transfer("ann", "c", "to-bank", "t", Pii(BANK)), ValueError),
        (events.Transfer("bob", "c", "to-bank", "t"), NotYours),
    ]
    for event, error in refused:
        with pytest.raises(error):
            shift.tell(event)
    assert (len(shift.decisions), heard(shift)) == before
    assert shift.state("ann") == "CONNECTED"
    ask(shift)
    for event, error in (
        (events.Transfer("ann", "c", "to-bob", "u"), NotNow),
        (events.Hold("ann", "c", True, "t"), NotYours),
        (events.BeginRecording("t", frozenset({"Agent"}), "sue"), NotNow),
        (events.TransferContact("t", "u", user="bob"), NotNow),
    ):
        with pytest.raises(error):
            shift.tell(event)
    shift.tell(events.CalledAnswered("t"))
    with pytest.raises(NotNow):
        shift.tell(events.TransferContact("t", "u", user="bob"))
    assert shift.center.recording_state(shift.center.floor.contacts["t"]) == "off"


def test_who_may_not_dial_calls_nobody_in() -> None:
    shift = a_shift("BasicAgentAccess")
    for event in (events.Transfer("ann", "c", "to-bank", "t"), events.Transfer("ann", "c", "", "t", Pii(BANK))):
        with pytest.raises(NotAllowed):
            shift.tell(event)
    assert shift.state("ann") == "CONNECTED"


def test_six_are_enough(shift: Shift) -> None:
    for id in ("t", "u", "v", "w"):
        ask(shift, id)
        shift.tell(events.CalledAnswered(id))
    with pytest.raises(NotNow):
        ask(shift, "x")


def test_a_new_control_plane_goes_on_with_who_has_answered_and_gives_up_who_has_not(shift: Shift) -> None:
    consult(shift)
    before = heard(shift), live(shift)
    shift.tell(events.ContactAdopted("c"))
    assert (heard(shift), live(shift)) == before
    shift.tell(events.Drop("ann", "c", "t"))
    ask(shift, "u")
    shift.tell(events.ContactAdopted("c"))
    assert (shift.record("u").outcome, shift.center.floor.contacts["c"].unreached) == ("failed", "failed")
