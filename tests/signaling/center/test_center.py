"""Whole contacts, from the customer's arrival to the cleared record."""

import pytest

from relay.api import Hear, Tap
from signaling.center import events
from signaling.center.agent_states import WrongState
from signaling.center.decisions import (
    DropAgent,
    DropCustomer,
    PlayMusic,
    PlayPrompt,
    SealRecording,
    SetPicture,
    StartRecording,
    StopPlayer,
    TellContact,
)  # fmt: skip
from signaling.center.floor import NotYours
from tests.signaling.center.floor_plan import Shift, support_flow
from vault.pii import Pii


@pytest.fixture
def shift() -> Shift:
    return Shift()


def joined(shift: Shift) -> Shift:
    shift.sign_in("ann")
    shift.call("c1")
    shift.connect("c1", "ann")
    return shift


def test_caller_hears_prompt_then_music_then_agent(shift: Shift) -> None:
    shift.tell(events.CallArrived("c1", "c1/customer", "+15550100", Pii("+15550199"), shift.now))
    assert shift.last(PlayPrompt).text == "Welcome."
    assert shift.last(SetPicture).hearing == (Hear("c1/customer", "prompt"),)
    shift.tell(events.PlayerFinished("c1", "prompt"))
    assert shift.last(PlayMusic).player == "music"
    assert shift.last(SetPicture).hearing == (Hear("c1/customer", "music"),)
    shift.sign_in("ann")
    assert shift.state("ann") == "INCOMING"
    assert shift.last(SetPicture).hearing == (Hear("c1/customer", "music"),)
    shift.connect("c1", "ann")
    assert set(shift.last(SetPicture).hearing) == {
        Hear("c1/customer", "c1/agent-1"),
        Hear("c1/agent-1", "c1/customer"),
    }
    assert shift.last(StopPlayer).player == "music"


def test_recording_starts_at_the_join_with_both_sides(shift: Shift) -> None:
    shift.sign_in("ann")
    shift.call("c1")
    assert not shift.all(StartRecording)
    shift.connect("c1", "ann")
    started = shift.last(StartRecording)
    assert started.key == "connect/acme/CallRecordings/1970/01/01/c1_19700101T00:16_UTC.wav"
    assert shift.last(SetPicture).taps == (
        Tap("c1/agent-1", started.recording, 0),
        Tap("c1/customer", started.recording, 1),
    )


@pytest.mark.parametrize(
    ("recorded", "agent", "customer"),
    [(("Agent",), True, False), (("Customer",), False, True), (("Agent", "Customer"), True, True)],
)
def test_only_wanted_sides_are_live(recorded: tuple[str, ...], agent: bool, customer: bool) -> None:
    shift = joined(Shift(support_flow(recorded)))
    assert [tap.live for tap in shift.last(SetPicture).taps] == [agent, customer]


def test_without_recording_nothing_is_tapped() -> None:
    shift = joined(Shift(support_flow(())))
    assert not shift.all(StartRecording)
    assert all(picture.taps == () for picture in shift.all(SetPicture))
    shift.tell(events.HangUp("ann", "c1"))
    assert not shift.all(SealRecording)


def test_hold_silences_the_customer_and_mute_the_agent(shift: Shift) -> None:
    joined(shift)
    shift.tell(events.Hold("ann", "c1", True))
    assert shift.last(SetPicture).hearing == (Hear("c1/customer", "music"),)
    assert [tap.live for tap in shift.last(SetPicture).taps] == [True, False]
    shift.tell(events.Hold("ann", "c1", False))
    shift.tell(events.Mute("ann", "c1", True))
    assert shift.last(SetPicture).hearing == (Hear("c1/agent-1", "c1/customer"),)
    assert [tap.live for tap in shift.last(SetPicture).taps] == [False, True]
    shift.tell(events.Mute("ann", "c1", False))
    assert len(shift.last(SetPicture).hearing) == 2


def test_customer_hangs_up_agent_works_and_clears(shift: Shift) -> None:
    joined(shift)
    shift.now += 30
    shift.tell(events.Hold("ann", "c1", True))
    shift.now += 12
    shift.tell(events.CustomerLeft("c1"))
    assert shift.state("ann") == "ENDED"
    assert shift.last(SealRecording).recording == shift.last(StartRecording).recording
    assert shift.last(DropAgent).leg == "c1/agent-1"
    assert shift.record("c1").completed is None
    shift.now += 5
    shift.tell(events.Clear("ann", "c1"))
    record = shift.record("c1")
    assert record.disconnect_reason == "CUSTOMER_DISCONNECT"
    assert record.completed == shift.now
    assert record.agent is not None
    assert (record.agent.interaction_duration, record.agent.hold_duration, record.agent.holds) == (30, 12, 1)
    assert record.agent.after_contact_work_end == shift.now
    assert shift.center.floor.contacts == {}
    assert shift.state("ann") is None


def test_agent_hangs_up(shift: Shift) -> None:
    joined(shift).tell(events.HangUp("ann", "c1"))
    assert shift.last(DropCustomer).leg == "c1/customer"
    assert shift.record("c1").disconnect_reason == "AGENT_DISCONNECT"


def test_offer_expires_and_goes_to_the_next_agent(shift: Shift) -> None:
    shift.sign_in("ann", "bob")
    shift.call("c1")
    assert (shift.state("ann"), shift.state("bob")) == ("INCOMING", None)
    shift.pass_time(19.9)
    assert shift.state("ann") == "INCOMING"
    shift.pass_time(0.2)
    assert (shift.state("ann"), shift.state("bob")) == ("MISSED", "INCOMING")
    shift.pass_time(20)
    assert (shift.state("ann"), shift.state("bob")) == ("MISSED", "MISSED")
    shift.tell(events.Clear("ann", "c1"))
    assert shift.state("ann") == "INCOMING"
    shift.connect("c1", "ann")
    assert shift.record("c1").agent_connection_attempts == 3


def test_customer_gives_up_while_it_rings(shift: Shift) -> None:
    shift.sign_in("ann")
    shift.call("c1")
    shift.tell(events.CustomerLeft("c1"))
    assert shift.state("ann") is None
    record = shift.record("c1")
    assert record.agent is None
    assert record.completed == record.disconnected == shift.now
    assert shift.center.floor.contacts == {}


def test_reject_and_failed_media_return_the_contact(shift: Shift) -> None:
    shift.sign_in("ann", "bob")
    shift.call("c1")
    shift.tell(events.Reject("ann", "c1"))
    assert (shift.state("ann"), shift.state("bob")) == ("REJECTED", "INCOMING")
    shift.tell(events.Accept("bob", "c1"))
    shift.tell(events.AgentMediaFailed("c1", "no microphone"))
    assert shift.state("bob") == "ERROR"
    assert shift.last(DropAgent).leg == "c1/agent-2"
    shift.tell(events.Clear("bob", "c1"))
    assert shift.state("bob") == "INCOMING"


def test_accepted_contact_without_media_fails_in_15_s(shift: Shift) -> None:
    shift.sign_in("ann")
    shift.call("c1")
    shift.tell(events.Accept("ann", "c1"))
    shift.pass_time(15.1)
    assert shift.state("ann") == "ERROR"


def test_agent_who_leaves_gives_back_or_ends(shift: Shift) -> None:
    shift.sign_in("ann", "bob")
    shift.call("c1")
    shift.tell(events.AgentAbsent("ann"))
    assert shift.state("bob") == "INCOMING"
    shift.connect("c1", "bob")
    shift.tell(events.AgentAbsent("bob"))
    record = shift.record("c1")
    assert record.disconnect_reason == "AGENT_DISCONNECT"
    assert record.completed is not None
    assert shift.center.floor.agent("bob").status == "Offline"


def test_an_agent_whose_line_is_cut_is_offered_nothing_and_keeps_what_he_has(shift: Shift) -> None:
    joined(shift).tell(events.AgentCut("ann"))
    assert shift.state("ann") == "CONNECTED"
    shift.tell(events.CustomerLeft("c1"))
    shift.tell(events.Clear("ann", "c1"))
    shift.call("c2")
    assert shift.state("ann") is None
    shift.tell(events.AgentPresent("ann"))
    assert shift.state("ann") == "INCOMING"


def test_the_first_status_begins_with_the_first_presence(shift: Shift) -> None:
    agent = shift.center.floor.agent("ann")
    shift.tell(events.AgentPresent("ann"))
    assert (agent.status, agent.since) == ("Offline", shift.now)
    shift.tell(events.AgentCut("ann"))
    shift.now += 5
    shift.tell(events.AgentPresent("ann"))
    assert agent.since == shift.now - 5


def test_next_status_comes_into_force_at_clear(shift: Shift) -> None:
    joined(shift).tell(events.SetStatus("ann", "Lunch"))
    agent = shift.center.floor.agent("ann")
    assert (agent.status, agent.next_status) == ("Available", "Lunch")
    shift.tell(events.HangUp("ann", "c1"))
    shift.tell(events.Clear("ann", "c1"))
    assert (agent.status, agent.next_status) == ("Lunch", None)
    shift.call("c2")
    assert shift.state("ann") is None


def test_requests_that_do_not_fit_change_nothing(shift: Shift) -> None:
    shift.sign_in("ann", "bob")
    shift.call("c1")
    requests: list[tuple[events.Event, type[Exception]]] = [
        (events.Hold("ann", "c1", True), WrongState),
        (events.Mute("ann", "c1", True), WrongState),
        (events.HangUp("ann", "c1"), WrongState),
        (events.Clear("ann", "c1"), WrongState),
        (events.Accept("bob", "c1"), NotYours),
        (events.Accept("eve", "c1"), NotYours),
        (events.Accept("nobody", "c1"), NotYours),
        (events.SetStatus("ann", "Asleep"), ValueError),
    ]
    for request, error in requests:
        with pytest.raises(error):
            shift.tell(request)
    assert shift.state("ann") == "INCOMING"


def test_lost_media_ends_the_contact_and_says_so(shift: Shift) -> None:
    joined(shift).tell(events.MediaLost("c1"))
    assert shift.record("c1").disconnect_reason == "TELECOM_PROBLEM"
    assignment = shift.center.floor.agent("ann").assignment
    assert assignment is not None
    assert "media worker" in assignment.reason
    assert shift.last(SealRecording)
    assert shift.tell(events.MediaLost("c1")) == []


def test_recorder_away_is_shown_to_the_agent(shift: Shift) -> None:
    joined(shift)
    contact = shift.center.floor.contacts["c1"]
    assert shift.center.recording_state(contact) == "recording"
    assert shift.tell(events.RecorderPresence(False)) == [TellContact("ann", "c1")]
    assert shift.center.recording_state(contact) == "interrupted"
    shift.tell(events.RecorderPresence(True))
    assert shift.center.recording_state(contact) == "recording"


def test_routing_delay_is_waited_for() -> None:
    shift = Shift(delay=30)
    shift.sign_in("ann")
    shift.call("c1")
    assert shift.state("ann") is None
    shift.pass_time(29)
    assert shift.state("ann") is None
    shift.pass_time(1.5)
    assert shift.state("ann") == "INCOMING"


def test_saying_available_again_keeps_the_place_in_the_order() -> None:
    shift = Shift()
    shift.sign_in("ann", "bob")
    shift.tell(events.SetStatus("ann", "Available"))
    shift.call("c1")
    assert (shift.state("ann"), shift.state("bob")) == ("INCOMING", None)


def test_an_agent_who_is_gone_for_good_during_hold_leaves_a_complete_record() -> None:
    shift = Shift()
    shift.sign_in("ann")
    shift.call("c1")
    shift.connect("c1", "ann")
    shift.pass_time(10)
    shift.tell(events.Hold("ann", "c1", True))
    shift.pass_time(5)
    shift.tell(events.AgentAbsent("ann"))
    record = shift.record("c1")
    assert (record.disconnect_reason, record.completed) == ("AGENT_DISCONNECT", shift.now)
    assert record.agent is not None
    assert (record.agent.interaction_duration, record.agent.hold_duration, record.agent.longest_hold) == (10, 5, 5)
    assert shift.last(SealRecording).contact == "c1"
    assert shift.center.floor.contacts == {}
    assert shift.state("ann") is None
