"""The contact centre of one instance: events and the time in, decisions out. Pure; the same for the live server, tests
and simulation."""

from collections.abc import Callable
from typing import Any, Literal

from signaling.center import customers, events, handling
from signaling.center.call import taps
from signaling.center.contact import Assignment, Contact
from signaling.center.decisions import Decision
from signaling.center.floor import Floor
from signaling.center.resources import Directory

RecordingState = Literal["off", "armed", "recording", "paused", "interrupted", "stopped"]

_HANDLERS: dict[type, Callable[[Floor, Any, float], list[Decision]]] = {
    events.CallArrived: customers.call_arrived,
    events.CustomerLeft: customers.customer_left,
    events.PlayerFinished: customers.player_finished,
    events.MediaLost: customers.media_lost,
    events.NodeStopped: customers.node_stopped,
    events.AgentPresent: handling.agent_present,
    events.AgentCut: handling.agent_cut,
    events.AgentAbsent: handling.agent_absent,
    events.SetStatus: handling.set_status,
    events.Accept: handling.accept,
    events.Reject: handling.reject,
    events.AgentMediaUp: handling.agent_media_up,
    events.AgentMediaFailed: handling.agent_media_failed,
    events.Mute: handling.mute,
    events.Hold: handling.hold,
    events.HangUp: handling.hang_up,
    events.Clear: handling.clear,
    events.RecorderPresence: handling.recorder_presence,
}


class Center:
    """`new_recording` makes ids of recordings, 32 hexadecimal digits. Raises FlowError for a flow that cannot be
    run."""

    def __init__(self, directory: Directory, new_recording: Callable[[], str]) -> None:
        self.floor = Floor(directory, new_recording)

    def handle(self, event: events.Event, now: float) -> list[Decision]:
        """What follows from the event. For a request that does not fit: raises NotYours, WrongState or ValueError,
        nothing changed."""
        return _HANDLERS[type(event)](self.floor, event, now)

    def get_timer(self, now: float) -> float | None:
        """When `handle_timer` must be called next."""
        deadlines = [assignment.expires for assignment in self._assignments() if assignment.expires is not None]
        due = self.floor.next_route(now)
        return min(deadlines if due is None else [*deadlines, due], default=None)

    def handle_timer(self, now: float) -> list[Decision]:
        decisions: list[Decision] = []
        for assignment in self._assignments():
            if assignment.expires is not None and now >= assignment.expires:
                decisions += handling.give_up(self.floor, assignment, now)
        return decisions + self.floor.route(now)

    def recording_state(self, contact: Contact) -> RecordingState:
        """What the agent is shown: off, armed, recording, paused, interrupted or stopped."""
        if not contact.recording:
            return "armed" if contact.run.recorded and contact.disconnected is None else "off"
        if contact.disconnected is not None:
            return "stopped"
        if not self.floor.recorder_there:
            return "interrupted"
        return "recording" if any(tap.live for tap in taps(contact.call())) else "paused"

    def _assignments(self) -> list[Assignment]:
        return [agent.assignment for agent in self.floor.agents.values() if agent.assignment is not None]
