"""Transfers from agent to agent: who hears whom, what each recording has, and what becomes of every contact."""

import pytest

from relay.api import Hear
from signaling.center import events
from signaling.center.agent_states import WrongState
from signaling.center.decisions import DropAgent, DropCustomer, SealRecording, SetPicture, StartRecording
from signaling.center.floor import NotYours
from signaling.center.segments import Input, NotNow
from tests.signaling.center.floor_plan import Shift, support_flow
from vault.pii import Pii

CUSTOMER, ANN, BOB = "c/customer", "c/agent-1", "t/agent-1"
ANNS, BOBS = f"{1:032x}", f"{2:032x}"


@pytest.fixture
def shift() -> Shift:
    """Ann talks with a customer; Bob is free."""
    shift = Shift()
    shift.sign_in("ann", "bob")
    shift.call("c")
    shift.connect("c", "ann")
    shift.pass_time(10)
    return shift


def consult(shift: Shift) -> None:
    shift.tell(events.Transfer("ann", "c", "to-bob", "t"))
    shift.pass_time(2)
    shift.connect("t", "bob")


def heard(shift: Shift) -> set[tuple[str, str]]:
    return {(hear.listener, hear.source) for hear in shift.last(SetPicture).hearing}


def live(shift: Shift) -> dict[str, set[str]]:
    """By recording, whose sound it has now."""
    found: dict[str, set[str]] = {}
    for tap in shift.last(SetPicture).taps:
        found.setdefault(tap.recording, set()).update([tap.leg] if tap.live else [])
    return found


def mesh(*legs: str) -> set[tuple[str, str]]:
    return {(one, other) for one in legs for other in legs if one != other}


def test_while_the_other_is_asked_the_customer_hears_music_and_the_agent_is_recorded(shift: Shift) -> None:
    shift.tell(events.Transfer("ann", "c", "to-bob", "t"))
    assert heard(shift) == {(CUSTOMER, "music")}
    assert live(shift) == {ANNS: {ANN}}
    assert (shift.state("ann"), shift.state("bob")) == ("CONNECTED_ONHOLD", "INCOMING")
    record = shift.record("t")
    assert (record.initiation_method, record.previous_contact, record.initial_contact) == ("TRANSFER", "c", "c")
    assert shift.record("c").next_contact == "t"


def test_agents_consult_while_the_customer_hears_music_and_both_files_have_them(shift: Shift) -> None:
    consult(shift)
    assert heard(shift) == {(CUSTOMER, "music"), (ANN, BOB), (BOB, ANN)}
    assert live(shift) == {ANNS: {ANN, BOB}, BOBS: {ANN, BOB}}
    roles = {start.recording: [(party.index, party.role, party.participant) for party in start.parties]
             for start in shift.all(StartRecording)}  # fmt: skip
    assert roles[ANNS] == [(0, "agent", ANN), (1, "other", CUSTOMER), (3, "other", BOB)]
    assert roles[BOBS] == [(0, "agent", BOB), (1, "other", CUSTOMER), (2, "other", ANN)]
    contacts = {start.recording: start.contact for start in shift.all(StartRecording)}
    assert contacts == {ANNS: "c", BOBS: "t"}


def test_all_are_joined_and_the_one_who_passed_it_on_leaves(shift: Shift) -> None:
    consult(shift)
    shift.pass_time(5)
    shift.tell(events.Hold("ann", "c", False, "all"))
    assert heard(shift) == mesh(CUSTOMER, ANN, BOB)
    assert live(shift) == {ANNS: {ANN, BOB, CUSTOMER}, BOBS: {ANN, BOB, CUSTOMER}}
    shift.pass_time(5)
    made = shift.tell(events.HangUp("ann", "c"))
    assert SealRecording("c", ANNS) in made
    assert DropAgent("c", ANN, "c") in made
    assert heard(shift) == mesh(CUSTOMER, BOB)
    assert live(shift) == {BOBS: {BOB, CUSTOMER}}
    assert (shift.state("ann"), shift.state("bob")) == ("ENDED", "CONNECTED")
    shift.tell(events.Clear("ann", "c"))
    shift.pass_time(5)
    made = shift.tell(events.CustomerLeft("c"))  # his leg has the first contact's name
    assert SealRecording("t", BOBS) in made
    assert DropCustomer("c", CUSTOMER) in made
    shift.tell(events.Clear("bob", "t"))
    first, second = shift.record("c"), shift.record("t")
    assert (first.disconnect_reason, second.disconnect_reason) == ("AGENT_DISCONNECT", "CUSTOMER_DISCONNECT")
    assert first.agent is not None
    assert second.agent is not None
    assert (first.agent.username, second.agent.username) == ("ann", "bob")
    assert (first.agent.hold_duration, first.agent.holds, second.agent.hold_duration) == (7, 1, 5)
    assert (first.next_contact, second.previous_contact) == ("t", "c")
    assert shift.center.floor.contacts == {}


def test_who_leaves_before_all_are_joined_leaves_the_customer_with_the_other(shift: Shift) -> None:
    consult(shift)
    shift.tell(events.HangUp("ann", "c"))
    assert heard(shift) == mesh(CUSTOMER, BOB)
    assert shift.state("bob") == "CONNECTED"


def test_an_agent_who_leaves_the_consultation_leaves_the_customer_on_hold(shift: Shift) -> None:
    consult(shift)
    shift.tell(events.HangUp("bob", "t"))
    assert heard(shift) == {(CUSTOMER, "music")}
    assert live(shift) == {ANNS: {ANN}}
    assert (shift.state("ann"), shift.state("bob")) == ("CONNECTED_ONHOLD", "ENDED")
    shift.tell(events.Hold("ann", "c", False))
    assert heard(shift) == mesh(CUSTOMER, ANN)


@pytest.mark.parametrize("refusal", ["reject", "expire", "fail", "drop", "absent"])
def test_a_transfer_that_comes_to_nothing_leaves_everything_as_it_was(shift: Shift, refusal: str) -> None:
    shift.tell(events.Transfer("ann", "c", "to-bob", "t"))
    match refusal:
        case "reject":
            shift.tell(events.Reject("bob", "t"))
        case "expire":
            shift.pass_time(21)
        case "drop":
            shift.tell(events.Drop("ann", "c", "t"))
        case "absent":
            shift.tell(events.AgentAbsent("bob"))
        case _:
            shift.tell(events.Accept("bob", "t"))
            shift.tell(events.AgentMediaFailed("t", "no microphone"))
    assert shift.record("c").next_contact is None
    record = shift.record("t")
    assert (record.completed is not None, record.disconnect_reason, record.agent) == (True, "OTHER", None)
    shift.tell(events.Hold("ann", "c", False))
    assert heard(shift) == mesh(CUSTOMER, ANN)
    shift.tell(events.CustomerLeft("c"))
    assert shift.record("c").disconnect_reason == "CUSTOMER_DISCONNECT"


def test_a_call_that_is_passed_on_blindly_waits_for_the_other(shift: Shift) -> None:
    shift.tell(events.Transfer("ann", "c", "to-bob", "t"))
    shift.tell(events.HangUp("ann", "c"))
    assert heard(shift) == {(CUSTOMER, "music")}
    assert live(shift) == {}
    shift.connect("t", "bob")
    assert heard(shift) == mesh(CUSTOMER, BOB)
    assert live(shift) == {BOBS: {CUSTOMER, BOB}}


def test_a_call_that_is_passed_on_blindly_and_not_taken_is_over(shift: Shift) -> None:
    shift.tell(events.Transfer("ann", "c", "to-bob", "t"))
    shift.tell(events.HangUp("ann", "c"))
    made = shift.pass_time(21)
    assert DropCustomer("c", CUSTOMER) in made
    assert shift.record("t").disconnect_reason == "OTHER"


def test_a_queue_is_asked_until_somebody_takes_it(shift: Shift) -> None:
    shift.tell(events.Transfer("ann", "c", "to-sales", "t"))
    assert shift.record("t").queue is not None
    shift.pass_time(300)
    shift.sign_in("cid")
    assert shift.state("cid") == "INCOMING"
    shift.tell(events.Reject("cid", "t"))
    shift.tell(events.Clear("cid", "t"))
    shift.connect("t", "cid")
    assert heard(shift) == {(CUSTOMER, "music"), (ANN, "t/agent-2"), ("t/agent-2", ANN)}
    told = shift.record("t")
    assert told.queue is not None
    assert (told.queue.name, told.agent_connection_attempts) == ("Sales", 2)


def test_one_or_all_are_put_on_hold_by_another(shift: Shift) -> None:
    consult(shift)
    shift.tell(events.Hold("ann", "c", False, "all"))
    shift.tell(events.Hold("ann", "c", True, "t"))
    assert heard(shift) == {*mesh(CUSTOMER, ANN), (BOB, "music")}
    assert live(shift) == {ANNS: {ANN, CUSTOMER}, BOBS: set()}
    shift.tell(events.Hold("ann", "c", True, "all"))
    assert heard(shift) == {(CUSTOMER, "music"), (BOB, "music")}
    assert live(shift) == {ANNS: {ANN}, BOBS: set()}
    shift.tell(events.Hold("bob", "t", False, "all"))
    assert heard(shift) == mesh(CUSTOMER, ANN, BOB)


def test_a_muted_agent_is_heard_by_nobody_and_in_no_file(shift: Shift) -> None:
    consult(shift)
    shift.tell(events.Hold("ann", "c", False, "all"))
    shift.tell(events.Mute("bob", "t", True))
    assert heard(shift) == mesh(CUSTOMER, ANN, BOB) - {(CUSTOMER, BOB), (ANN, BOB)}
    assert live(shift) == {ANNS: {ANN, CUSTOMER}, BOBS: {ANN, CUSTOMER}}


def test_a_secure_pause_silences_every_file_of_the_call(shift: Shift) -> None:
    consult(shift)
    shift.tell(events.Hold("ann", "c", False, "all"))
    shift.tell(events.BeginSecurePause("t", "bob", digits=1))
    assert live(shift) == {ANNS: set(), BOBS: set()}
    shift.tell(events.HangUp("ann", "c"))
    assert live(shift) == {BOBS: set()}
    shift.tell(events.DigitPressed("c", CUSTOMER, Pii("1")))
    assert live(shift) == {BOBS: {BOB, CUSTOMER}}


def test_what_was_stopped_stays_stopped_with_the_next_agent(shift: Shift) -> None:
    shift.tell(events.ControlRecording("c", "AGENT", Input.STOP, "ann"))
    consult(shift)
    assert live(shift) == {}
    assert shift.center.recording_state(shift.center.floor.contacts["t"]) == "off"


def test_what_is_not_recorded_is_not_recorded_with_the_next_agent() -> None:
    shift = Shift(support_flow(recorded=()))
    shift.sign_in("ann", "bob")
    shift.call("c")
    shift.connect("c", "ann")
    consult(shift)
    assert shift.all(StartRecording) == []


def test_the_api_passes_a_contact_on(shift: Shift) -> None:
    shift.tell(events.TransferContact("c", "t", user="bob"))
    assert (shift.state("ann"), shift.state("bob")) == ("ENDED", "INCOMING")
    assert heard(shift) == {(CUSTOMER, "music")}
    shift.connect("t", "bob")
    assert shift.last(SetPicture).hearing == (Hear(BOB, CUSTOMER), Hear(CUSTOMER, BOB))
    for event, error in (
        (events.TransferContact("c", "u", user="ann"), NotNow),
        (events.TransferContact("nothing", "u", user="ann"), NotYours),
        (events.TransferContact("t", "u", "queue-2", "ann"), ValueError),
        (events.TransferContact("t", "u", "queue-9"), ValueError),
        (events.TransferContact("t", "u", user="eve"), ValueError),
    ):
        with pytest.raises(error):
            shift.tell(event)
    assert heard(shift) == mesh(CUSTOMER, BOB)


def test_what_does_not_fit_changes_nothing(shift: Shift) -> None:
    before = heard(shift)
    for event, error in (
        (events.Transfer("ann", "c", "nobody", "t"), ValueError),
        (events.Transfer("ann", "c", "to-eve", "t"), ValueError),
        (events.Transfer("ann", "c", "to-ann", "t"), NotNow),
        (events.Transfer("bob", "c", "to-ann", "t"), NotYours),
        (events.Drop("ann", "c", "c"), NotYours),
        (events.Drop("ann", "c", "t"), NotYours),
        (events.Hold("ann", "c", True, "t"), NotYours),
    ):
        with pytest.raises(error):
            shift.tell(event)
    assert heard(shift) == before
    shift.tell(events.Transfer("ann", "c", "to-bob", "t"))
    with pytest.raises(NotNow):
        shift.tell(events.Transfer("ann", "c", "to-sales", "u"))
    with pytest.raises(WrongState):
        shift.tell(events.Transfer("bob", "t", "to-sales", "u"))
    assert list(shift.center.floor.contacts) == ["c", "t"]


def test_a_lost_worker_ends_every_part_of_the_call(shift: Shift) -> None:
    consult(shift)
    shift.tell(events.MediaLost("c"))
    assert {shift.record(id).disconnect_reason for id in ("c", "t")} == {"TELECOM_PROBLEM"}
    reasons = [agent.assignment.reason for agent in shift.center.floor.agents.values() if agent.assignment is not None]
    assert reasons == ["The media worker failed; the call could not go on."] * 2


def busy_bob() -> Shift:
    """Both talk: ann with c, bob with d."""
    shift = Shift()
    shift.sign_in("ann", "bob")
    for contact, user in (("c", "ann"), ("d", "bob")):
        shift.call(contact)
        shift.connect(contact, user)
    shift.tell(events.Transfer("ann", "c", "to-bob", "t"))
    return shift


def test_an_agent_who_is_busy_is_asked_as_soon_as_he_is_free() -> None:
    shift = busy_bob()
    shift.call("e")  # waits in the queue, and longer than he does
    assert (shift.state("ann"), shift.state("bob")) == ("CONNECTED_ONHOLD", "CONNECTED")
    shift.pass_time(60)
    shift.tell(events.HangUp("bob", "d"))
    shift.tell(events.Clear("bob", "d"))
    assignment = shift.center.floor.agent("bob").assignment
    assert assignment is not None
    assert assignment.contact.id == "t"
    shift.connect("t", "bob")
    assert heard(shift) == {(CUSTOMER, "music"), *mesh(ANN, BOB)}


@pytest.mark.parametrize("way", ["drop", "absent", "offline", "blind"])
def test_one_who_never_gets_free_is_not_waited_for(way: str) -> None:
    shift = busy_bob()
    if way == "drop":
        shift.tell(events.Drop("ann", "c", "t"))
    elif way == "absent":
        shift.tell(events.AgentAbsent("bob"))
    else:
        if way == "blind":
            shift.tell(events.HangUp("ann", "c"))
        shift.tell(events.SetStatus("bob", "Offline"))
        shift.tell(events.HangUp("bob", "d"))
        shift.tell(events.Clear("bob", "d"))
    record = shift.record("t")
    assert (record.disconnect_reason, record.completed is not None) == ("OTHER", True)
    if way == "blind":
        assert DropCustomer("c", CUSTOMER) in shift.decisions
        return
    shift.tell(events.Hold("ann", "c", False))
    assert (shift.state("ann"), heard(shift)) == ("CONNECTED", mesh(CUSTOMER, ANN))


def test_who_is_not_there_is_not_asked(shift: Shift) -> None:
    shift.tell(events.AgentAbsent("bob"))
    with pytest.raises(NotNow):
        shift.tell(events.Transfer("ann", "c", "to-bob", "t"))
