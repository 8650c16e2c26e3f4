"""What the Center has decided; the shell carries it out in this order."""

import msgspec

from recorder.api import Party
from relay.api import Hear, Tap
from signaling.center.record import ContactRecord
from signaling.center.routes import Route


class PlayPrompt(msgspec.Struct, frozen=True):
    """Speak a text to the room's customer once."""

    contact: str
    player: str
    text: str


class PlaceCall(msgspec.Struct, frozen=True):
    """Call somebody by the first trunk that can: CalledRinging, CalledEarly, CalledAnswered or CalledFailed follow, and
    after an answer CustomerLeft."""

    contact: str
    leg: str
    routes: tuple[Route, ...]
    caller_name: str = ""
    ring_seconds: int | None = None
    """None: as the trunk says."""
    passed_on: str = ""
    """The number of ours that a customer had called whom this call is to bring on; empty: it is for nobody else."""
    room: str = ""
    """Of the call that it is for; empty: the contact's own."""


class PlayRingback(msgspec.Struct, frozen=True):
    contact: str
    player: str


class PlayMusic(msgspec.Struct, frozen=True):
    """Play music in a loop."""

    contact: str
    player: str


class StopPlayer(msgspec.Struct, frozen=True):
    contact: str
    player: str


class SetPicture(msgspec.Struct, frozen=True):
    """Who hears whom and who is recorded in the contact's room, from now on."""

    contact: str
    hearing: tuple[Hear, ...]
    taps: tuple[Tap, ...]


class MaskDigits(msgspec.Struct, frozen=True):
    """While on: what keys the leg's peer presses is nobody's to hear, know or record."""

    contact: str
    leg: str
    on: bool


class StartRecording(msgspec.Struct, frozen=True):
    contact: str
    recording: str
    key: str
    parties: tuple[Party, ...]


class SealRecording(msgspec.Struct, frozen=True):
    contact: str
    recording: str


class DropAgent(msgspec.Struct, frozen=True):
    """Take the agent's leg out of the room."""

    contact: str
    leg: str
    room: str = ""
    """The call's; empty: the contact's own."""


class DropThirdParty(msgspec.Struct, frozen=True):
    """End the call to a third party, however far it is, and take its leg out of the room."""

    contact: str
    leg: str
    room: str


class DropCustomer(msgspec.Struct, frozen=True):
    """End the customer's dialog (if it is not over) and leg."""

    contact: str
    leg: str
    last: bool = True
    """The room goes with him; else others talk on in it."""


class TellAgent(msgspec.Struct, frozen=True):
    """Status or next status changed: Center.agent_view says to what."""

    user: str


class TellContact(msgspec.Struct, frozen=True):
    """The agent's contact changed: Center.contact_view says to what; None there means that it is his no longer."""

    user: str
    contact: str


class SaveContact(msgspec.Struct, frozen=True):
    record: ContactRecord


Decision = (
    PlaceCall | PlayRingback | PlayPrompt | PlayMusic | StopPlayer | SetPicture | MaskDigits | StartRecording
    | SealRecording | DropAgent | DropThirdParty | DropCustomer | TellAgent | TellContact | SaveContact
)  # fmt: skip
