"""What the owner of the data directory may ask the control plane at its socket there, and what is answered."""

import msgspec

from ipc.messages import Command, Event
from signaling.sip.tracing.redaction import ShownMessage


class SipMessages(msgspec.Struct, frozen=True, tag=True):
    """Of one contact whose call goes on, redacted; none when there is no such one."""

    messages: tuple[ShownMessage, ...]


class SipCalls(msgspec.Struct, frozen=True, tag=True):
    """The contacts whose calls go on."""

    contacts: tuple[str, ...]


class GetSipMessages(Command[SipMessages], frozen=True):
    contact: str


class GetSipCalls(Command[SipCalls], frozen=True):
    """Without a parameter."""


class SipMessageSeen(Event, frozen=True):
    """A message has come or gone. The contact is empty as long as it has none."""

    contact: str
    message: ShownMessage


Commands = GetSipMessages | GetSipCalls
Answers = SipMessages | SipCalls
Events = SipMessageSeen
