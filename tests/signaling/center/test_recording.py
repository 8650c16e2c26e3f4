"""What is done to recordings, by whom, in which order, and what of it is in the file and in the record."""

import pytest

from relay.api import Tap
from signaling.center import events
from signaling.center.decisions import MaskDigits, SealRecording, SetPicture, StartRecording, TellContact
from signaling.center.floor import NotYours
from signaling.center.recording import controls
from signaling.center.resources import RecordingOptions
from signaling.center.segments import Input, NotNow, RecordingType
from tests.signaling.center.floor_plan import Shift, action, document, support_flow
from vault.pii import Pii

ALL = frozenset({"Agent", "Customer"})


def joined(shift: Shift, contact: str = "c1") -> Shift:
    shift.sign_in("ann")
    shift.call(contact)
    shift.connect(contact, "ann")
    return shift


@pytest.fixture
def talk() -> Shift:
    return joined(Shift())


@pytest.fixture
def unrecorded() -> Shift:
    return joined(Shift(support_flow(())))


def live(shift: Shift) -> list[bool]:
    return [tap.live for tap in shift.last(SetPicture).taps]


def state(shift: Shift, type: RecordingType = "AGENT") -> str:
    return shift.center.recording_state(shift.center.floor.contacts["c1"], type)


def control(shift: Shift, input: Input, type: RecordingType = "AGENT") -> None:
    shift.tell(events.ControlRecording("c1", type, input, "sue"))


def press(shift: Shift, digits: str, leg: str = "c1/customer") -> None:
    for digit in digits:
        shift.tell(events.DigitPressed("c1", leg, Pii(digit)))


def acts(shift: Shift) -> list[tuple[str, str, str]]:
    return [(act.act, act.type, act.by) for act in shift.record("c1").recording_acts]


def test_suspended_both_sides_are_silent_and_the_time_line_runs_on(talk: Shift) -> None:
    before = shift_taps(talk)
    control(talk, Input.SUSPEND)
    assert (shift_taps(talk), live(talk), state(talk)) == (before, [False, False], "suspended")
    control(talk, Input.RESUME)
    assert (shift_taps(talk), live(talk), state(talk)) == (before, [True, True], "recording")
    assert acts(talk) == [("START", "AGENT", "flow"), ("SUSPEND", "AGENT", "sue"), ("RESUME", "AGENT", "sue")]
    assert not talk.all(SealRecording)


def shift_taps(shift: Shift) -> list[tuple[str, str, int]]:
    return [(tap.leg, tap.recording, tap.party) for tap in shift.last(SetPicture).taps]


def test_what_was_stopped_stays_stopped(talk: Shift) -> None:
    control(talk, Input.STOP)
    assert (talk.last(SetPicture).taps, state(talk)) == ((), "stopped")
    assert talk.last(SealRecording).recording == talk.last(StartRecording).recording
    again: list[events.Event] = [events.ControlRecording("c1", "AGENT", input, "sue") for input in Input]
    for request in [*again, events.BeginRecording("c1", ALL, "sue")]:
        with pytest.raises(NotNow):
            talk.tell(request)
    talk.tell(events.Hold("ann", "c1", True))
    talk.tell(events.HangUp("ann", "c1"))
    assert len(talk.all(SealRecording)) == 1
    assert all(not picture.taps for picture in talk.all(SetPicture)[-3:])


@pytest.mark.parametrize("wanted", [ALL, frozenset({"Agent"}), frozenset({"Customer"})])
def test_by_api_it_starts_at_once_during_a_talk(unrecorded: Shift, wanted: frozenset[str]) -> None:
    assert state(unrecorded) == "off"
    unrecorded.tell(events.BeginRecording("c1", wanted, "sue"))
    assert live(unrecorded) == ["Agent" in wanted, "Customer" in wanted]
    assert state(unrecorded) == "recording"
    assert [party.index for party in unrecorded.last(StartRecording).parties] == [0, 1]
    assert acts(unrecorded) == [("START", "AGENT", "sue")]
    with pytest.raises(NotNow):
        unrecorded.tell(events.BeginRecording("c1", ALL, "sue"))
    assert len(unrecorded.all(StartRecording)) == 1


def test_by_api_before_the_agent_it_waits_for_him_and_wins_over_the_flow() -> None:
    shift = Shift(support_flow(("Agent",)))
    shift.call("c1")
    shift.tell(events.BeginRecording("c1", frozenset({"Customer"}), "sue"))
    assert (state(shift), shift.all(StartRecording)) == ("armed", [])
    with pytest.raises(NotNow, match="once a contact"):
        shift.tell(events.BeginRecording("c1", ALL, "sue"))
    shift.sign_in("ann")
    shift.connect("c1", "ann")
    assert (live(shift), state(shift)) == ([False, True], "recording")


def test_requests_that_do_not_fit_change_nothing(talk: Shift, unrecorded: Shift) -> None:
    made = len(talk.decisions)
    refused: list[tuple[Shift, events.Event, type[Exception]]] = [
        (talk, events.BeginRecording("c1", ALL, "sue"), NotNow),
        (talk, events.ControlRecording("c1", "AGENT", Input.RESUME, "sue"), NotNow),
        (talk, events.ControlRecording("c1", "IVR", Input.STOP, "sue"), NotNow),
        (talk, events.EndSecurePause("c1", "sue"), NotNow),
        (talk, events.BeginSecurePause("c1", "sue", digits=65), ValueError),
        (talk, events.BeginSecurePause("c1", "sue", seconds=0.0), ValueError),
        (talk, events.ControlRecording("nobody", "AGENT", Input.STOP, "sue"), NotYours),
        (unrecorded, events.ControlRecording("c1", "AGENT", Input.SUSPEND, "sue"), NotNow),
    ]
    for shift, request, error in refused:
        with pytest.raises(error):
            shift.tell(request)
    assert (state(talk), live(talk), len(talk.decisions)) == ("recording", [True, True], made)
    talk.tell(events.HangUp("ann", "c1"))
    late_ones: list[events.Event] = [refused[0][1], refused[1][1], events.BeginSecurePause("c1", "sue")]
    for late in late_ones:
        with pytest.raises(NotNow, match="the contact is over"):
            talk.tell(late)


def test_a_secure_pause_ends_when_the_digits_are_in(talk: Shift) -> None:
    talk.tell(events.BeginSecurePause("c1", "ann", digits=4, pound=True))
    assert (live(talk), state(talk)) == ([False, False], "secured")
    with pytest.raises(NotNow, match="already"):
        talk.tell(events.BeginSecurePause("c1", "ann"))
    press(talk, "4711", leg="c1/agent-1")
    press(talk, "471")
    assert state(talk) == "secured"
    assert talk.decisions[-1] == TellContact("ann", "c1")
    assert talk.all(MaskDigits) == [MaskDigits("c1", "c1/customer", True)]
    press(talk, "1")
    assert (live(talk), state(talk)) == ([True, True], "recording")
    assert talk.last(MaskDigits) == MaskDigits("c1", "c1/customer", False)
    press(talk, "9")
    assert acts(talk)[1:] == [("SECURE_PAUSE", "AGENT", "ann"), ("SECURE_RESUME", "AGENT", "digits")]
    talk.tell(events.BeginSecurePause("c1", "ann", digits=4, pound=True))
    press(talk, "1#")
    assert state(talk) == "recording"


def test_a_secure_pause_ends_when_its_time_is_over(talk: Shift) -> None:
    talk.tell(events.BeginSecurePause("c1", "ann", seconds=30.0))
    talk.pass_time(29.9)
    assert state(talk) == "secured"
    talk.pass_time(0.2)
    assert state(talk) == "recording"
    assert acts(talk)[-1] == ("SECURE_RESUME", "AGENT", "timer")


def test_what_was_suspended_before_a_secure_pause_still_is_after_it(talk: Shift) -> None:
    control(talk, Input.SUSPEND)
    talk.tell(events.BeginSecurePause("c1", "ann"))
    talk.tell(events.EndSecurePause("c1", "ann"))
    assert (live(talk), state(talk)) == ([False, False], "suspended")


def test_a_call_that_ends_in_a_secure_pause_leaves_nothing_behind(talk: Shift) -> None:
    talk.tell(events.BeginSecurePause("c1", "ann", seconds=30.0))
    talk.tell(events.CustomerLeft("c1"))
    assert state(talk) == "stopped"
    assert talk.pass_time(60) == []
    assert len(talk.all(SealRecording)) == 1


def test_trouble_of_the_recorder_is_shown_while_it_lasts(talk: Shift) -> None:
    recording = talk.last(StartRecording).recording
    assert talk.tell(events.RecordingTrouble("c1", "0" * 32, "full")) == []
    assert talk.tell(events.RecordingTrouble("c1", recording, "full"))[0] == TellContact("ann", "c1")
    assert state(talk) == "interrupted"
    assert talk.tell(events.RecordingTrouble("c1", recording, "full")) == []
    talk.tell(events.RecordingTrouble("c1", recording, "broken"))
    talk.tell(events.RecordingTrouble("c1", recording, ""))
    assert state(talk) == "recording"
    assert acts(talk)[1:] == [("INTERRUPTED", "AGENT", "recorder"), ("CONTINUED", "AGENT", "recorder")]


def test_an_instance_may_end_the_calls_that_it_cannot_record(talk: Shift) -> None:
    recording = talk.last(StartRecording).recording
    talk.center.floor.recording = RecordingOptions(when_interrupted="end")
    talk.tell(events.RecordingTrouble("c1", recording, ""))
    assert talk.record("c1").disconnected is None
    talk.tell(events.RecordingTrouble("c1", recording, "full"))
    ended = talk.record("c1")
    assert ended.disconnected is not None
    assert ended.disconnect_reason == "OTHER"
    assert acts(talk)[1:] == [("INTERRUPTED", "AGENT", "recorder")]


def test_the_key_ends_as_the_format_of_the_instance() -> None:
    shift = Shift()
    shift.center.floor.recording = RecordingOptions(format="flac")
    assert joined(shift).last(StartRecording).key.endswith("_UTC.flac")


def test_an_agent_may_do_what_his_profiles_and_the_state_allow(talk: Shift) -> None:
    contact = talk.center.floor.contacts["c1"]

    def now(user: str = "ann") -> tuple[str, ...]:
        return controls(talk.center.floor, contact, user)

    assert now() == ("securePause", "suspend", "stop")
    control(talk, Input.SUSPEND)
    assert now() == ("securePause", "resume", "stop")
    talk.tell(events.BeginSecurePause("c1", "ann"))
    assert now() == ("secureResume", "resume", "stop")
    control(talk, Input.STOP)
    assert now() == ("secureResume",)
    assert now("bob") == ()


def ivr_flow(*behaviours: str, recorded: tuple[str, ...] = ("Agent", "Customer")) -> Shift:
    """A flow with an announcement after each recording block."""
    steps = []
    for at, behaviour in enumerate(behaviours):
        wanted = {"RecordedParticipants": list(recorded)} | ({"IVRRecordingBehavior": behaviour} if behaviour else {})
        steps.append(action(f"r{at}", "UpdateContactRecordingBehavior", f"m{at}", RecordingBehavior=wanted))
        steps.append(action(f"m{at}", "MessageParticipant", f"r{at + 1}", Text="Hello."))
    steps.append(action(f"r{len(behaviours)}", "UpdateContactTargetQueue", "transfer", QueueId="queue-1"))
    steps.append(action("transfer", "TransferContactToQueue"))
    shift = Shift(document(*steps))
    shift.tell(events.CallArrived("c1", "c1/customer", "+15550100", Pii("+15550199"), shift.now))
    return shift


def test_the_automated_part_has_a_recording_of_its_own() -> None:
    shift = ivr_flow("Enabled")
    ivr = shift.last(StartRecording)
    assert ivr.key == "connect/acme/CallRecordings/ivr/1970/01/01/c1_19700101T00:16_UTC.wav"
    assert shift.last(SetPicture).taps == (Tap("c1/customer", ivr.recording, 1),)
    shift.tell(events.PlayerFinished("c1", "prompt"))
    assert (state(shift, "IVR"), state(shift)) == ("recording", "armed")
    shift.sign_in("ann")
    shift.connect("c1", "ann")
    own = shift.last(StartRecording)
    assert own.recording != ivr.recording and "/ivr/" not in own.key
    assert {tap.recording for tap in shift.last(SetPicture).taps} == {own.recording}
    assert [sealed.recording for sealed in shift.all(SealRecording)] == [ivr.recording]
    assert (state(shift, "IVR"), state(shift)) == ("stopped", "recording")
    shift.tell(events.HangUp("ann", "c1"))
    assert [sealed.recording for sealed in shift.all(SealRecording)] == [ivr.recording, own.recording]


def test_the_flow_suspends_and_resumes_the_automated_part() -> None:
    shift = ivr_flow("Enabled", "Disabled", "", "Enabled")
    seen = [live(shift)]
    for _ in range(3):
        shift.tell(events.PlayerFinished("c1", "prompt"))
        seen.append(live(shift))
    assert seen == [[True], [False], [False], [True]]
    assert len(shift.all(StartRecording)) == 1
    assert [act for act, _, _ in acts_live(shift)] == ["START", "SUSPEND", "RESUME"]


def acts_live(shift: Shift) -> list[tuple[str, str, str]]:
    kept = shift.center.floor.contacts["c1"].recordings.acts
    return [(act.act, act.type, act.by) for act in kept]


def test_a_caller_who_gives_up_leaves_the_automated_part_alone() -> None:
    shift = ivr_flow("Enabled", recorded=())
    shift.tell(events.CustomerLeft("c1"))
    assert [sealed.recording for sealed in shift.all(SealRecording)] == [shift.last(StartRecording).recording]
    assert shift.center.floor.contacts == {}


def test_an_automated_part_that_was_stopped_is_not_started_by_the_flow_again() -> None:
    shift = ivr_flow("Enabled", "Disabled", "Enabled")
    control(shift, Input.STOP, "IVR")
    for _ in range(2):
        shift.tell(events.PlayerFinished("c1", "prompt"))
        assert shift.last(SetPicture).taps == ()
    assert len(shift.all(StartRecording)) == 1
