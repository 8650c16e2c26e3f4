"""What became of finalizing a recording, as the finalizer's process tells it. Pure."""

import msgspec

SOUND = "sound.sealed"
"""The finished sound in the recording's folder."""
MANIFEST = "manifest.sealed"


class Finished(msgspec.Struct, frozen=True, tag=True):
    """SOUND and MANIFEST are in the recording's folder."""

    duration_ms: int
    size: int
    sha256: str
    manifest_sha256: str
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
