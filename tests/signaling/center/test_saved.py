"""A contact centre in another process decides what the one before would have decided."""

import random
from typing import Any

import pytest

from signaling.center import events
from signaling.center.adoption import running_recordings
from signaling.center.agent_states import WrongState
from signaling.center.center import Center
from signaling.center.decisions import DropAgent, MaskDigits, PlayPrompt, SaveContact, SetPicture, StartRecording
from signaling.center.floor import NotYours
from signaling.center.resources import Directory
from signaling.center.saved import SavedAgent, SavedContact, restore, save_agent, save_contact
from signaling.center.segments import NotNow
from signaling.survival.states import decode, encode
from tests.signaling.center import test_third_parties
from tests.signaling.center.floor_plan import NUMBER, Shift, wide
from tests.signaling.center.test_placing import SILENT, C, a_shift, place
from vault.pii import Pii


def killed(shift: Shift, flow_is_there: bool = True, plan: Directory | None = None) -> list[str]:
    """Puts another centre, with what was saved, in the place of the shift's; the contacts that are there."""
    floor = shift.center.floor
    contacts = [encode(saved) for id in floor.contacts if (saved := save_contact(floor, id)) is not None]
    agents = [encode(kept) for user in floor.agents if (kept := save_agent(floor, user)) is not None]
    present = [user for user, agent in floor.agents.items() if agent.present]
    shift.center = Center(plan or wide(), floor.new_recording)
    if not flow_is_there:
        shift.center.floor.flows.clear()
    restore(
        shift.center.floor,
        [decode(text, SavedContact) for text in contacts],
        [decode(text, SavedAgent) for text in agents],
    )
    for user in present:
        shift.center.floor.agents[user].present = True
    return list(shift.center.floor.contacts)


def talking() -> Shift:
    shift = Shift()
    shift.sign_in("ann")
    shift.call("c1")
    shift.connect("c1", "ann")
    return shift


def test_a_talk_goes_on_to_the_same_record() -> None:
    shift, other = talking(), talking()
    for one in (shift, other):
        one.tell(events.Hold("ann", "c1", True))
        one.now += 5
        if one is shift:
            assert killed(one) == ["c1"]
        one.now += 5
        one.tell(events.Hold("ann", "c1", False))
        one.tell(events.CustomerLeft("c1"))
        one.now += 3
        one.tell(events.Clear("ann", "c1"))
    assert shift.record("c1") == other.record("c1")
    agent = shift.record("c1").agent
    assert agent is not None and agent.hold_duration == 10
    assert shift.center.floor.contacts == {}


@pytest.mark.parametrize("seed", range(60))
def test_whatever_comes_after_it_is_decided_alike(seed: int) -> None:
    rnd = random.Random(seed)
    shift, other = Shift(), Shift()
    cut = rnd.randrange(5, 60)
    for turn in range(80):
        if turn == cut:
            killed(shift)
        event = anything(rnd, turn)
        assert attempt(shift, event) == attempt(other, event)
        seconds = rnd.choice([0.0, 0.5, 3.0, 12.0, 30.0])
        assert shift.pass_time(seconds) == other.pass_time(seconds)


def anything(rnd: random.Random, turn: int) -> events.Event:
    user, contact = rnd.choice(["ann", "bob"]), f"c{rnd.randrange(max(0, turn // 8 - 2), turn // 8 + 1)}"
    on, passed_on = rnd.random() < 0.5, f"t{rnd.randrange(max(0, turn - 8), turn + 1)}"
    return rnd.choice(
        [
            events.Transfer(user, contact, rnd.choice(["to-ann", "to-bob"]), f"t{turn}"),
            events.Transfer(user, contact, rnd.choice(["to-ann", "to-bob"]), f"t{turn}"),
            events.Accept(user, passed_on),
            events.Accept(user, passed_on),
            events.AgentMediaUp(passed_on),
            events.AgentMediaUp(passed_on),
            events.Hold(user, rnd.choice([contact, passed_on]), on, rnd.choice(["all", contact, passed_on])),
            events.HangUp(user, passed_on),
            events.Clear(user, passed_on),
            events.CallArrived(contact, f"{contact}/customer", NUMBER, Pii("+15550199"), 0.0)
            if turn % 8 == 0
            else events.PlayerFinished(contact, "prompt"),
            events.PlayerFinished(contact, "prompt"),
            events.AgentPresent(user),
            events.SetStatus(user, rnd.choice(["Available", "Available", "Lunch"])),
            events.Accept(user, contact),
            events.Accept(user, contact),
            events.AgentMediaUp(contact),
            events.AgentMediaUp(contact),
            events.AgentMediaFailed(contact, "no"),
            events.Reject(user, contact),
            events.Hold(user, contact, on),
            events.Mute(user, contact, on),
            events.BeginSecurePause(contact, user, 4, seconds=10.0),
            events.DigitPressed(contact, f"{contact}/customer", Pii("5")),
            events.BeginRecording(contact, frozenset({"Agent"}), user),
            events.MediaAlarmed(contact, f"{contact}/customer", "one_way", on),
            events.CustomerLeft(contact),
            events.HangUp(user, contact),
            events.Clear(user, contact),
            events.Clear(user, contact),
            events.RecordingTrouble(contact, "0" * 31 + "1", rnd.choice(["", "full"])),
        ]
    )


def attempt(shift: Shift, event: events.Event) -> object:
    try:
        return shift.tell(event)
    except (NotYours, WrongState, NotNow, ValueError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("cut", range(6))
def test_a_transfer_is_decided_alike_wherever_it_is_cut(cut: int) -> None:
    shift, other = talking(), talking()
    steps: list[events.Event] = [
        events.Transfer("ann", "c1", "to-bob", "t"),
        events.Accept("bob", "t"),
        events.AgentMediaUp("t"),
        events.Hold("ann", "c1", False, "all"),
        events.HangUp("ann", "c1"),
        events.Clear("ann", "c1"),
        events.CustomerLeft("c1"),
    ]
    for one in (shift, other):
        one.sign_in("bob")
        for turn, step in enumerate(steps):
            one.tell(step)
            if one is shift and turn == cut:
                killed(one)
    assert shift.decisions == other.decisions
    assert [start.recording for start in shift.all(StartRecording)] == [f"{1:032x}", f"{2:032x}", f"{1:032x}"]


PARTY_STORY: tuple[events.Event, ...] = (
    events.Transfer("ann", "c", "to-bank", "t"),
    events.CalledRinging("t"),
    events.CalledAnswered("t"),
    events.Hold("ann", "c", False, "all"),
    events.Hold("ann", "c", True, "t"),
    events.Transfer("ann", "c", "to-bob", "b"),
    events.Accept("bob", "b"),
    events.AgentMediaUp("b"),
    events.CustomerLeft("c"),
    events.Mute("ann", "c", True),
    events.HangUp("bob", "b"),
    events.CustomerLeft("t", reason="Q.850;cause=16"),
    events.Clear("ann", "c"),
    events.Clear("bob", "b"),
)


@pytest.mark.parametrize("cut", range(len(PARTY_STORY)))
def test_a_call_with_a_third_party_is_decided_alike_wherever_it_is_cut(cut: int) -> None:
    shift, other = test_third_parties.a_shift(), test_third_parties.a_shift()
    for turn, event in enumerate(PARTY_STORY):
        if turn == cut:
            killed(shift, plan=test_third_parties.with_bank())
        assert shift.tell(event) == other.tell(event)
        shift.pass_time(3)
        other.pass_time(3)
    assert shift.center.floor.contacts == {}


def test_nothing_personal_is_printed() -> None:
    shift = talking()
    assert "5550199" not in repr(save_contact(shift.center.floor, "c1"))


def test_an_adopted_talk_is_shown_and_masked_as_it_was() -> None:
    shift = talking()
    shift.tell(events.BeginSecurePause("c1", "ann"))
    before = shift.last(SetPicture)
    killed(shift)
    made = shift.tell(events.ContactAdopted("c1"))
    assert MaskDigits("c1", "c1/customer", True) in made
    assert before in made


def test_running_recordings_are_told_again_and_stopped_ones_are_not() -> None:
    shift = talking()
    before = shift.last(StartRecording)
    killed(shift)
    assert running_recordings(shift.center.floor) == [before]
    shift.tell(events.HangUp("ann", "c1"))
    assert running_recordings(shift.center.floor) == []


def test_an_announcement_is_spoken_again_since_its_end_may_have_gone_unheard() -> None:
    shift = Shift()
    shift.tell(events.CallArrived("c1", "c1/customer", NUMBER, Pii("+15550199"), shift.now))
    killed(shift)
    assert PlayPrompt("c1", "prompt", "Welcome.") in shift.tell(events.ContactAdopted("c1"))


def test_an_offer_rings_on_and_ends_at_its_time() -> None:
    shift = Shift()
    shift.sign_in("ann")
    shift.call("c1")
    shift.now += 5
    killed(shift)
    shift.tell(events.ContactAdopted("c1"))
    assert shift.state("ann") == "INCOMING"
    shift.pass_time(14.9)
    assert shift.state("ann") == "INCOMING"
    shift.pass_time(0.2)
    assert shift.state("ann") == "MISSED"
    killed(shift)
    assert shift.state("ann") == "MISSED"
    shift.tell(events.Clear("ann", "c1"))
    assert shift.state("ann") == "INCOMING"


def test_what_was_being_connected_is_given_back_and_offered_again() -> None:
    shift = Shift()
    shift.sign_in("ann", "bob")
    shift.call("c1")
    shift.tell(events.Accept("ann", "c1"))
    killed(shift)
    made = shift.tell(events.ContactAdopted("c1"))
    assert DropAgent("c1", "c1/agent-1", "c1") in made
    assert (shift.state("ann"), shift.state("bob")) == ("ERROR", "INCOMING")


def test_a_call_that_cannot_go_on_ends_and_says_so() -> None:
    shift = talking()
    killed(shift)
    shift.tell(events.ContactNotAdopted("c1"))
    assert shift.record("c1").disconnect_reason == "OTHER"
    assignment = shift.center.floor.agent("ann").assignment
    assert assignment is not None and "could not be taken over" in assignment.reason


def test_a_missed_contact_that_is_over_is_still_shown() -> None:
    shift = Shift()
    shift.sign_in("ann")
    shift.call("c1")
    shift.pass_time(25)
    shift.tell(events.CustomerLeft("c1"))
    assert killed(shift) == []
    assignment = shift.center.floor.agent("ann").assignment
    assert assignment is not None and (assignment.state, assignment.contact.id) == ("MISSED", "c1")
    shift.tell(events.Clear("ann", "c1"))
    assert shift.state("ann") is None


def test_a_contact_whose_flow_is_gone_is_left_out() -> None:
    shift = talking()
    assert killed(shift, flow_is_there=False) == []
    assert shift.state("ann") is None
    assert shift.last(SaveContact).record.completed is None


@pytest.mark.parametrize("flow", [SILENT, None])
def test_a_contact_that_was_placed_goes_on_to_the_same_record(flow: dict[str, Any] | None) -> None:
    shift, other = a_shift(flow or SILENT), a_shift(flow or SILENT)
    other.now = shift.now
    if flow is None:
        shift.center.floor.flows.pop("out")
        other.center.floor.flows.pop("out")
    place(shift)
    shift.tell(events.CalledAnswered(C))
    contact, agent = save_contact(shift.center.floor, C), save_agent(shift.center.floor, "ann")
    restore(
        other.center.floor, [decode(encode(contact), SavedContact)], [decode(encode(agent), SavedAgent)]
    )  # fmt: skip
    for one in (shift, other):
        one.now += 5
        one.tell(events.CustomerLeft(C))
        one.tell(events.Clear("ann", C))
    assert other.record(C) == shift.record(C)
    assert other.record(C).initiation_method == "OUTBOUND"
