"""What is recorded of a contact, segment by segment: what may be done to a recording in which state, as a table.

An agent's part of a contact is one segment with one recording, and so is the automated part before any agent (IVR). A
recording starts once: what was stopped stays stopped. While it is suspended, or during a secure pause, it runs on in
silence, so that a time in the file is a time of the call.
"""

import enum
import time
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from recorder.api import Party
from signaling.center.resources import Tenant

RecordingType = Literal["AGENT", "IVR"]
SegmentState = Literal["recording", "suspended", "stopped"]
ActName = Literal["START", "SUSPEND", "RESUME", "SECURE_PAUSE", "SECURE_RESUME", "INTERRUPTED", "CONTINUED", "STOP"]
BY_FLOW, BY_DIGITS, BY_TIMER, BY_RECORDER = "flow", "digits", "timer", "recorder"
MAX_SECURE_SECONDS = 3600.0
IVR_FOLDER = "CallRecordings/ivr"


class Input(enum.Enum):
    """What can be asked of a recording that has started."""

    SUSPEND = "suspended"
    RESUME = "resumed"
    STOP = "stopped"


TRANSITIONS: dict[tuple[SegmentState, Input], SegmentState] = {
    ("recording", Input.SUSPEND): "suspended",
    ("suspended", Input.RESUME): "recording",
    ("recording", Input.STOP): "stopped",
    ("suspended", Input.STOP): "stopped",
}


class NotNow(Exception):
    """What is asked of the recording does not fit its state, which is unchanged. The text is for people."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


class RecordingAct(msgspec.Struct, frozen=True):
    """One thing that was done to a recording, as the contact record keeps it."""

    at: float
    """Unix seconds."""
    act: ActName
    type: RecordingType
    by: str
    """A user's id, or what else did it: `flow`, `digits`, `timer`, `recorder`."""


class SecurePause(msgspec.Struct, frozen=True):
    """Both sides are silent in the file and the customer's digits are masked, until one of these comes about."""

    digits: int = 0
    """Ends after so many digits of the customer; 0: they are not counted."""
    pound: bool = False
    """Ends with the customer's `#`."""
    until: float | None = None
    """Ends at this time, in Unix seconds."""
    entered: int = 0

    def pressed(self, digit: str) -> "SecurePause | None":
        """After a digit of the customer; None: it was the last."""
        if self.pound and digit == "#":
            return None
        entered = self.entered + 1
        return None if self.digits and entered >= self.digits else msgspec.structs.replace(self, entered=entered)


@dataclass
class Segment:
    """One recording and whose it is. Owned by its Contact."""

    id: str
    """32 hexadecimal digits."""
    key: str
    type: RecordingType
    wanted: frozenset[str]
    """Of "Agent" and "Customer"."""
    state: SegmentState = "recording"
    parties: tuple[Party, ...] = ()
    """All who have been in it."""
    trouble: str = ""
    """Why the recorder cannot keep it just now."""

    def step(self, input: Input) -> None:
        """Raises NotNow."""
        if (self.state, input) not in TRANSITIONS:
            raise NotNow(f"the recording is {self.state} and cannot be {input.value}", self.state)
        self.state = TRANSITIONS[self.state, input]


@dataclass
class Recordings:
    """All that a contact has of recordings. With each agent, a new segment takes the place of the last one's."""

    agent: Segment | None = None
    ivr: Segment | None = None
    asked: frozenset[str] | None = None
    """The sides that were asked for by API, once a contact; they win over the flow's."""
    acts: list[RecordingAct] = field(default_factory=list)

    def running(self) -> list[Segment]:
        """Those that are not stopped."""
        return [one for one in (self.ivr, self.agent) if one is not None and one.state != "stopped"]

    def of(self, type: RecordingType) -> Segment | None:
        return self.agent if type == "AGENT" else self.ivr

    def note(self, at: float, act: ActName, type: RecordingType, by: str) -> None:
        self.acts.append(RecordingAct(at, act, type, by))


def recording_key(tenant: Tenant, contact: str, at: float, type: RecordingType = "AGENT") -> str:
    """The object key of a call recording, as Amazon Connect lays it out, without what it ends in."""
    moment = time.gmtime(at)
    day, minute = time.strftime("%Y/%m/%d", moment), time.strftime("%Y%m%dT%H:%M", moment)
    folder = IVR_FOLDER if type == "IVR" else "CallRecordings"
    return f"connect/{tenant.alias}/{folder}/{day}/{contact}_{minute}_UTC"


def type_of(key: str) -> RecordingType:
    """Which kind of segment a recording's object key is of."""
    return "IVR" if f"/{IVR_FOLDER}/" in key else "AGENT"
