"""What became of finalizing a recording, as the finalizer's process tells it. Pure."""

import msgspec

SOUND = "sound.sealed"
"""The finished sound in the recording's folder."""
MANIFEST = "manifest.sealed"
TRACK = "track-{}.sealed"
"""The sound of the party with this index."""


class Made(msgspec.Struct, frozen=True):
    """A file in the recording's folder that is to be delivered."""

    file: str
    key: str
    sha256: str
    """Of its contents before their encryption, in hexadecimal."""


class Finished(msgspec.Struct, frozen=True, tag=True):
    """Everything that is to be delivered is in the recording's folder."""

    duration_ms: int
    size: int
    sha256: str
    """Both of the stereo sound."""
    objects: tuple[Made, ...]
    """In the order of their delivery: the stereo sound is the last, for whoever finds it finds all."""
    gaps: int


class Empty(msgspec.Struct, frozen=True, tag=True):
    """No party ever began: there is no time line, and nothing to be kept."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """It can never be finalized."""

    reason: str


class Postponed(msgspec.Struct, frozen=True, tag=True):
    """The machine did not let it, e.g. the disk is full."""

    reason: str


class Died(msgspec.Struct, frozen=True, tag=True):
    """The process ended without a word."""

    reason: str


Outcome = Finished | Empty | Failed | Postponed | Died
