"""What is done to recordings, and what follows: by the flow, by API, on the agent's page, by the customer's digits.

The contact's state is changed first and shown in the room; the recorder is told beside it, so nothing waits for a disk.
"""

from typing import Literal

from recorder.api import FORMATS, Party
from signaling.center.call import AGENT_PARTY, CUSTOMER_PARTY, FURTHER_PARTIES
from signaling.center.contact import Contact
from signaling.center.decisions import Decision, MaskDigits, SaveContact, SealRecording, StartRecording, TellContact
from signaling.center.events import (
    BeginRecording,
    BeginSecurePause,
    ControlRecording,
    DigitPressed,
    EndSecurePause,
    RecordingTrouble,
)
from signaling.center.floor import Floor, NotYours
from signaling.center.security import Action
from signaling.center.segments import (
    BY_DIGITS,
    BY_FLOW,
    BY_RECORDER,
    BY_TIMER,
    MAX_SECURE_SECONDS,
    ActName,
    Input,
    NotNow,
    RecordingType,
    SecurePause,
    Segment,
    SegmentState,
    recording_key,
)

Control = Literal["suspend", "resume", "stop", "securePause", "secureResume"]
"""What an agent may do to the recording of his contact just now."""
PAUSE: Action = "CallRecordings.Pause"
STOP: Action = "CallRecordings.Stop"
_PAUSES: dict[SegmentState, tuple[Control, ...]] = {"recording": ("suspend",), "suspended": ("resume",), "stopped": ()}
_ACTS: dict[Input, ActName] = {Input.SUSPEND: "SUSPEND", Input.RESUME: "RESUME", Input.STOP: "STOP"}


def start_at_join(floor: Floor, contact: Contact, now: float) -> list[Decision]:
    """The agent is there: the automated part is over, and his own begins if it is wanted."""
    decisions: list[Decision] = []
    if contact.recordings.ivr is not None and contact.recordings.ivr.state != "stopped":
        decisions += stop(contact, contact.recordings.ivr, BY_FLOW, now)
    wanted = contact.wanted()
    if wanted:
        by = BY_FLOW if contact.recordings.asked is None else "api"
        decisions.append(_start(floor, contact, "AGENT", wanted, (now, by)))
    return decisions


def follow_flow(floor: Floor, contact: Contact, now: float) -> list[Decision]:
    """Brings the automated part's recording to what the flow wants now."""
    ivr = contact.recordings.ivr
    if ivr is None:
        return [_start_ivr(floor, contact, BY_FLOW, now)] if contact.run.ivr else []
    wanted = {"recording": Input.SUSPEND, "suspended": Input.RESUME}.get(ivr.state)
    if wanted is not None and contact.run.ivr != (ivr.state == "recording"):
        ivr.step(wanted)
        contact.recordings.note(now, _ACTS[wanted], "IVR", BY_FLOW)
    return []


def begin_recording(floor: Floor, event: BeginRecording, now: float) -> list[Decision]:
    """Connect's StartContactRecording: once a contact, before or after the agent is there."""
    contact = _live(floor, event.contact)
    recordings = contact.recordings
    if contact.outside:
        raise NotNow("a third party is recorded only with the agents of the call", "off")
    if recordings.asked is not None:
        raise NotNow("recording was started before, and can be started once a contact", _state(recordings.agent))
    if recordings.agent is not None:
        raise NotNow(f"the recording is {recordings.agent.state} already", recordings.agent.state)
    recordings.asked = event.wanted
    started: list[Decision] = []
    if contact.phase == "connected":
        started.append(_start(floor, contact, "AGENT", event.wanted, (now, event.by)))
    elif event.ivr and recordings.ivr is None:
        started.append(_start_ivr(floor, contact, event.by, now))
    return [*floor.show(contact), *started, *_told(contact, now)]


def control_recording(floor: Floor, event: ControlRecording, now: float) -> list[Decision]:
    contact = _live(floor, event.contact)
    segment = contact.recordings.of(event.type)
    if segment is None:
        raise NotNow("the contact is not being recorded", "off")
    if event.input is Input.STOP:
        stopped = stop(contact, segment, event.by, now)
        return [*floor.show(contact), *stopped, *_told(contact, now)]
    segment.step(event.input)
    contact.recordings.note(now, _ACTS[event.input], event.type, event.by)
    return [*floor.show(contact), *_told(contact, now)]


def begin_secure_pause(floor: Floor, event: BeginSecurePause, now: float) -> list[Decision]:
    """Raises NotNow when there is one already, ValueError for one that could not be."""
    contact = _live(floor, event.contact)
    if contact.talk.secure is not None:
        raise NotNow("a secure pause goes on already", "secured")
    if not 0 <= event.digits <= 64:
        raise ValueError("a secure pause waits for 1 to 64 digits")
    if event.seconds is not None and not 0 < event.seconds <= MAX_SECURE_SECONDS:
        raise ValueError(f"a secure pause lasts at most {MAX_SECURE_SECONDS:.0f} s")
    until = None if event.seconds is None else now + event.seconds
    contact.talk.secure = SecurePause(event.digits, event.pound, until)
    return _secured(floor, contact, "SECURE_PAUSE", event.by, now)


def end_secure_pause(floor: Floor, event: EndSecurePause, now: float) -> list[Decision]:
    contact = _live(floor, event.contact)
    if contact.talk.secure is None:
        raise NotNow("there is no secure pause", _state(contact.recordings.agent))
    return _open_up(floor, contact, event.by, now)


def digit_pressed(floor: Floor, event: DigitPressed, now: float) -> list[Decision]:
    """A digit of the customer; what it was is of no interest beyond its being a `#`, and is kept nowhere."""
    contact = floor.line(event.contact)
    if contact is None or contact.talk.secure is None or event.leg != contact.leg:
        return []
    left = contact.talk.secure.pressed(event.digit.reveal())
    if left is None:
        return _open_up(floor, contact, BY_DIGITS, now)
    contact.talk.secure = left
    return floor.tell(contact.talk)


def recording_trouble(floor: Floor, event: RecordingTrouble, now: float) -> list[Decision]:
    """The recorder cannot keep it, or can again. Whether the call goes on without it is the instance's choice."""
    contact = floor.live(event.contact)
    segments = contact.recordings.running() if contact is not None else []
    for segment in segments:
        if contact is not None and segment.id == event.recording and segment.trouble != event.reason:
            before, segment.trouble = segment.trouble, event.reason
            if bool(before) != bool(event.reason):
                act: ActName = "INTERRUPTED" if event.reason else "CONTINUED"
                contact.recordings.note(now, act, segment.type, BY_RECORDER)
            if event.reason and floor.recording.when_interrupted == "end":
                return floor.end(contact, "OTHER", now)
            return _told(contact, now)
    return []


def starts(contact: Contact) -> list[Decision]:
    """Says again of each recording that runs that it does."""
    return [_started(contact, segment) for segment in contact.recordings.running()]


def next_secure_end(floor: Floor) -> float | None:
    """When a secure pause runs out next."""
    pauses = (contact.talk.secure for contact in floor.contacts.values() if contact.disconnected is None)
    return min((pause.until for pause in pauses if pause is not None and pause.until is not None), default=None)


def end_secure_pauses(floor: Floor, now: float) -> list[Decision]:
    """Ends those that have run out."""
    decisions: list[Decision] = []
    for contact in list(floor.contacts.values()):
        pause = contact.talk.secure
        if contact.disconnected is None and pause is not None and pause.until is not None and now >= pause.until:
            decisions += _open_up(floor, contact, BY_TIMER, now)
    return decisions


def controls(floor: Floor, contact: Contact, user: str) -> tuple[Control, ...]:
    """What the agent who talks may do to the recording now, by his security profiles and its state."""
    allowed = floor.permissions(user)
    segment = contact.recordings.agent
    state = segment.state if segment is not None else "stopped"
    found: list[Control] = []
    if contact.phase == "connected" and contact.disconnected is None and PAUSE in allowed:
        secured = contact.talk.secure is not None
        found.append("secureResume" if secured else "securePause")
        found += _PAUSES[state]
    if contact.disconnected is None and STOP in allowed and state != "stopped":
        found.append("stop")
    return tuple(found)


def stop(contact: Contact, segment: Segment, by: str, now: float) -> list[Decision]:
    """Ends a segment's recording for good. Raises NotNow."""
    segment.step(Input.STOP)
    contact.recordings.note(now, "STOP", segment.type, by)
    return [SealRecording(contact.id, segment.id)]


def _live(floor: Floor, id: str) -> Contact:
    """Raises NotYours for one that there is not, NotNow for one that is over."""
    contact = floor.contacts.get(id)
    if contact is None:
        raise NotYours
    if contact.disconnected is not None:
        raise NotNow("the contact is over", "stopped")
    return contact


def _start_ivr(floor: Floor, contact: Contact, by: str, now: float) -> StartRecording:
    return _start(floor, contact, "IVR", frozenset({"Customer"}), (now, by))


def _start(
    floor: Floor, contact: Contact, type: RecordingType, wanted: frozenset[str], when: tuple[float, str]
) -> StartRecording:
    now, by = when
    key = recording_key(floor.tenant, contact.id, now, type) + FORMATS[floor.recording.format][0]
    segment = Segment(floor.new_recording(), key, type, wanted)
    if type == "AGENT":
        contact.recordings.agent = segment
    else:
        contact.recordings.ivr = segment
    contact.recordings.note(now, "START", type, by)
    segment.parties = _parties(contact, segment)
    return _started(contact, segment)


def announce_joined(contact: Contact) -> list[Decision]:
    """An agent or a third party has joined: he is a further party of what runs of the others."""
    found: list[Decision] = []
    for one in contact.talk.speaking():
        segment = one.recordings.agent
        if one is not contact and segment is not None and segment.state != "stopped":
            segment.parties += (_further(contact),)
            found.append(_started(one, segment))
    return found


def _started(contact: Contact, segment: Segment) -> StartRecording:
    return StartRecording(contact.id, segment.id, segment.key, segment.parties)


def _parties(contact: Contact, segment: Segment) -> tuple[Party, ...]:
    customer = Party(CUSTOMER_PARTY, "other", contact.leg)
    if segment.type == "IVR" or contact.assignment is None:
        return (customer,)
    others = [_further(one) for one in contact.talk.speaking() if one is not contact]
    return (Party(AGENT_PARTY, "agent", contact.assignment.leg), customer, *others)


def _further(contact: Contact) -> Party:
    leg = contact.assignment.leg if contact.assignment is not None else contact.outside
    return Party(FURTHER_PARTIES + contact.number_in_call, "other", leg)


def _open_up(floor: Floor, contact: Contact, by: str, now: float) -> list[Decision]:
    contact.talk.secure = None
    return _secured(floor, contact, "SECURE_RESUME", by, now)


def _secured(floor: Floor, contact: Contact, act: ActName, by: str, now: float) -> list[Decision]:
    contact.recordings.note(now, act, "AGENT" if contact.phase == "connected" else "IVR", by)
    mask = MaskDigits(contact.talk.room, contact.leg, contact.talk.secure is not None)
    return [mask, *floor.show(contact), *floor.tell(contact.talk), SaveContact(contact.record(now))]


def _told(contact: Contact, now: float) -> list[Decision]:
    return [*_shown(contact), SaveContact(contact.record(now))]


def _shown(contact: Contact) -> list[Decision]:
    return [TellContact(contact.assignment.user.id, contact.id)] if contact.assignment is not None else []


def _state(segment: Segment | None) -> str:
    return segment.state if segment is not None else "off"
