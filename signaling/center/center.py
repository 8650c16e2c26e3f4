"""The contact centre of one instance: events and the time in, decisions out. Pure; the same for the live server, tests
and simulation."""

from collections.abc import Callable
from typing import Any, Literal

from signaling.center import adoption, customers, events, handling, placing, recording, sound, transferring
from signaling.center.call import taps
from signaling.center.contact import Assignment, Contact
from signaling.center.decisions import Decision
from signaling.center.floor import Floor
from signaling.center.resources import Directory
from signaling.center.segments import RecordingType

RecordingState = Literal["off", "armed", "recording", "paused", "suspended", "secured", "interrupted", "stopped"]

_HANDLERS: dict[type, Callable[[Floor, Any, float], list[Decision]]] = {
    events.PlaceContact: placing.place_contact,
    events.StartOutbound: placing.start_outbound,
    events.CalledRinging: placing.called_ringing,
    events.CalledEarly: placing.called_early,
    events.CalledAnswered: customers.called_answered,
    events.CalledFailed: placing.called_failed,
    events.CallArrived: customers.call_arrived,
    events.CustomerLeft: customers.customer_left,
    events.PlayerFinished: customers.player_finished,
    events.MediaAlarmed: sound.media_alarmed,
    events.MediaLost: customers.media_lost,
    events.NodeStopped: customers.node_stopped,
    events.AgentPresent: handling.agent_present,
    events.AgentCut: handling.agent_cut,
    events.AgentAbsent: handling.agent_absent,
    events.PhonePresence: handling.phone_presence,
    events.SetEndpoint: handling.set_endpoint,
    events.SetStatus: handling.set_status,
    events.Accept: handling.accept,
    events.Reject: handling.reject,
    events.AgentMediaUp: handling.agent_media_up,
    events.AgentMediaFailed: handling.agent_media_failed,
    events.Mute: handling.mute,
    events.Hold: handling.hold,
    events.HangUp: handling.hang_up,
    events.Drop: handling.drop,
    events.Transfer: transferring.transfer,
    events.TransferContact: transferring.transfer_contact,
    events.Clear: handling.clear,
    events.RecorderPresence: handling.recorder_presence,
    events.RecordingTrouble: recording.recording_trouble,
    events.DigitPressed: recording.digit_pressed,
    events.BeginRecording: recording.begin_recording,
    events.ControlRecording: recording.control_recording,
    events.BeginSecurePause: recording.begin_secure_pause,
    events.EndSecurePause: recording.end_secure_pause,
    events.ContactAdopted: adoption.contact_adopted,
    events.ContactNotAdopted: adoption.contact_not_adopted,
}


class Center:
    """`new_recording` makes ids of recordings, 32 hexadecimal digits. Raises FlowError for a flow that cannot be
    run."""

    def __init__(self, directory: Directory, new_recording: Callable[[], str]) -> None:
        self.floor = Floor(directory, new_recording)

    def handle(self, event: events.Event, now: float) -> list[Decision]:
        """What follows from the event. For a request that does not fit: raises NotYours, WrongState, NotNow or
        ValueError, nothing changed."""
        return _HANDLERS[type(event)](self.floor, event, now)

    def get_timer(self, now: float) -> float | None:
        """When `handle_timer` must be called next."""
        deadlines = [assignment.expires for assignment in self._assignments() if assignment.expires is not None]
        others = (self.floor.next_route(now), recording.next_secure_end(self.floor))
        return min([*deadlines, *(due for due in others if due is not None)], default=None)

    def handle_timer(self, now: float) -> list[Decision]:
        decisions: list[Decision] = []
        for assignment in self._assignments():
            if assignment.expires is not None and now >= assignment.expires:
                decisions += handling.give_up(self.floor, assignment, now)
        return [*decisions, *recording.end_secure_pauses(self.floor, now), *self.floor.route(now)]

    def recording_state(self, contact: Contact, type: RecordingType = "AGENT") -> RecordingState:
        """What agents, supervisors and API clients are shown; `paused`: neither side is heard, for hold or mute."""
        segment = contact.recordings.of(type)
        if segment is None:
            armed = type == "AGENT" and contact.wanted() and contact.disconnected is None
            return "armed" if armed else "off"
        if segment.state == "stopped":
            return "stopped"
        if segment.trouble or not self.floor.recorder_there:
            return "interrupted"
        if contact.talk.secure is not None:
            return "secured"
        if segment.state == "suspended":
            return "suspended"
        mine = (tap.live for tap in taps(contact.call()) if tap.recording == segment.id)
        return "recording" if any(mine) else "paused"

    def _assignments(self) -> list[Assignment]:
        return [agent.assignment for agent in self.floor.agents.values() if agent.assignment is not None]
