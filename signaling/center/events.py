"""What the Center is told. Requests of agents raise WrongState or NotYours when they do not fit; the others never
raise."""

import msgspec

from relay.api import Alarm
from signaling.center.resources import Endpoint
from signaling.center.segments import Input, RecordingType
from signaling.sip.calls.outcome import Outcome
from vault.pii import Pii


class CallArrived(msgspec.Struct, frozen=True):
    """A call to one of the instance's numbers was answered, and its leg exists in the room `contact`."""

    contact: str
    leg: str
    number: str
    caller: Pii[str]
    initiated: float
    """When the INVITE came."""
    diverted_from: Pii[str] = Pii("")
    """The number that was called first, if somebody sent the call on."""


class PlaceContact(msgspec.Struct, frozen=True):
    """An agent dials. Raises NotAllowed, ValueError too."""

    contact: str
    user: str
    number: Pii[str]


class StartOutbound(msgspec.Struct, frozen=True):
    """Somebody shall be called, and be in a flow when he answers. Raises ValueError for what there is not."""

    contact: str
    number: Pii[str]
    flow: str
    queue: str = ""
    """The queue whose number is shown, and that the contact is put into unless the flow says another."""
    caller: str = ""
    """The number to be shown, instead of the queue's."""
    caller_name: str = ""
    attributes: dict[str, Pii[str]] = {}
    ring_seconds: int | None = None


class CalledRinging(msgspec.Struct, frozen=True):
    """It rings at the called side."""

    contact: str


class CalledEarly(msgspec.Struct, frozen=True):
    """The called side's network gives something to hear before the answer."""

    contact: str


class CalledAnswered(msgspec.Struct, frozen=True):
    contact: str


class CalledFailed(msgspec.Struct, frozen=True):
    contact: str
    outcome: Outcome
    status: int
    reason: str | None = None


class CustomerLeft(msgspec.Struct, frozen=True):
    """The dialog of the customer ended, or that of the third party whose contact it is."""

    contact: str
    failed: bool = False
    """Not because he wanted it: his side does not answer any more."""
    reason: str | None = None
    """What his network said of the end, as protocol and cause."""


class PlayerFinished(msgspec.Struct, frozen=True):
    contact: str
    player: str
    failed: bool = False


class AgentPresent(msgspec.Struct, frozen=True):
    user: str


class AgentCut(msgspec.Struct, frozen=True):
    """The line to the agent's page is cut, and may come back: AgentPresent or AgentAbsent follows."""

    user: str


class AgentAbsent(msgspec.Struct, frozen=True):
    """None of the agent's pages is left, nor can one come back."""

    user: str


class PhonePresence(msgspec.Struct, frozen=True):
    """Whether a phone of the agent is registered, from now on."""

    user: str
    there: bool


class SetEndpoint(msgspec.Struct, frozen=True):
    """Where the agent takes contacts from the next offer on. Raises ValueError: no phone of his is registered."""

    user: str
    endpoint: Endpoint


class SetStatus(msgspec.Struct, frozen=True):
    user: str
    status: str


class Accept(msgspec.Struct, frozen=True):
    user: str
    contact: str


class Reject(msgspec.Struct, frozen=True):
    user: str
    contact: str


class AgentMediaUp(msgspec.Struct, frozen=True):
    """The agent's leg carries media."""

    contact: str


class AgentMediaFailed(msgspec.Struct, frozen=True):
    """The agent accepted, and his leg could not be made."""

    contact: str
    reason: str


class Mute(msgspec.Struct, frozen=True):
    user: str
    contact: str
    on: bool


CUSTOMER, EVERYBODY = "customer", "all"


class Hold(msgspec.Struct, frozen=True):
    user: str
    contact: str
    on: bool
    participant: str = CUSTOMER
    """Whom: CUSTOMER, EVERYBODY else in the call, or the contact of another agent or a third party."""


class Transfer(msgspec.Struct, frozen=True):
    """The agent asks another one into the call, by a quick connect, or somebody by his number. Raises NotNow too, when
    that agent is not there; NotAllowed and ValueError for a number that is not his to dial or that nobody takes."""

    user: str
    contact: str
    quick_connect: str
    new_contact: str
    """The id of what becomes of it."""
    number: Pii[str] = Pii("")
    """Instead of a quick connect."""


class TransferContact(msgspec.Struct, frozen=True):
    """The contact is passed on and its agent leaves the call. Raises NotYours, NotNow, ValueError."""

    contact: str
    new_contact: str
    queue: str = ""
    user: str = ""


class Drop(msgspec.Struct, frozen=True):
    """Another agent or a third party is taken out of the call, or is not asked any more."""

    user: str
    contact: str
    participant: str
    """The other one's contact."""


class HangUp(msgspec.Struct, frozen=True):
    user: str
    contact: str


class Clear(msgspec.Struct, frozen=True):
    user: str
    contact: str


class MediaAlarmed(msgspec.Struct, frozen=True):
    """A leg's sound is not as it should be, or is so no longer."""

    contact: str
    leg: str
    alarm: Alarm
    on: bool


class MediaLost(msgspec.Struct, frozen=True):
    """The worker that carried the contact is gone."""

    contact: str


class NodeStopped(msgspec.Struct, frozen=True):
    """The node stops at once, and the contact's call with it."""

    contact: str


class ContactAdopted(msgspec.Struct, frozen=True):
    """The control plane was started anew, and the contact's call goes on."""

    contact: str


class ContactNotAdopted(msgspec.Struct, frozen=True):
    """It was started anew, and the contact's call cannot go on."""

    contact: str


class RecorderPresence(msgspec.Struct, frozen=True):
    there: bool


class RecordingTrouble(msgspec.Struct, frozen=True):
    """The recorder cannot keep a recording just now; without a reason, it can again."""

    contact: str
    recording: str
    reason: str


class DigitPressed(msgspec.Struct, frozen=True):
    """A DTMF digit of a leg has ended."""

    contact: str
    leg: str
    digit: Pii[str]


class BeginRecording(msgspec.Struct, frozen=True):
    """Record from now on, or from when the agent is there. Like the next three: raises NotYours, NotNow."""

    contact: str
    wanted: frozenset[str]
    """Of "Agent" and "Customer"."""
    by: str
    ivr: bool = False
    """The automated part too, if the contact is still in it."""


class ControlRecording(msgspec.Struct, frozen=True):
    contact: str
    type: RecordingType
    input: Input
    by: str


class BeginSecurePause(msgspec.Struct, frozen=True):
    """Until it is ended, or the digits are in, or the time is over. Raises ValueError too."""

    contact: str
    by: str
    digits: int = 0
    pound: bool = False
    seconds: float | None = None


class EndSecurePause(msgspec.Struct, frozen=True):
    contact: str
    by: str


Event = (
    PlaceContact | StartOutbound | CalledRinging | CalledEarly | CalledAnswered | CalledFailed
    | CallArrived | CustomerLeft | PlayerFinished | AgentPresent | AgentCut | AgentAbsent | PhonePresence | SetEndpoint
    | SetStatus | Accept | Reject | AgentMediaUp | AgentMediaFailed | Mute | Hold | HangUp | Clear | MediaAlarmed
    | Transfer | TransferContact | Drop
    | MediaLost | NodeStopped | RecorderPresence | RecordingTrouble | DigitPressed | BeginRecording | ControlRecording
    | BeginSecurePause | EndSecurePause | ContactAdopted | ContactNotAdopted
)  # fmt: skip
