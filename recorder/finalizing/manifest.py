"""What a recording's sound is made of. Pure; nothing in it is personal."""

import msgspec

PEAKS_PER_SECOND = 20
MAX_GAPS = 2000
"""Beyond it only the longest gaps are listed, and the others counted."""


class Span(msgspec.Struct, frozen=True, order=True):
    """A stretch of the sound, in ms from its beginning."""

    start_ms: int
    end_ms: int
    party: int


class Gap(Span, frozen=True, order=True):
    """Where the file is not what was said: silence in place of sound that was not received, or a shift."""

    cause: str
    """`network`: packets lost before they reached us; `tap`: nothing came from the relay worker; `overflow`: the
    worker or the recorder had no room for it; `shift`: the delay or the sender's clock made a lasting step, and either
    nothing was lost and the sound goes on only at its end, or what follows covers what was here."""


class PartyReport(msgspec.Struct, frozen=True):
    index: int
    role: str
    participant: str
    packets: int = 0
    """Different packets that are in the sound."""
    lost: int = 0
    """Sequence numbers that never came."""
    duplicates: int = 0
    undecodable: int = 0
    codecs: tuple[str, ...] = ()


class Track(msgspec.Struct, frozen=True):
    """The sound of one party in a file of its own, as long as the stereo one."""

    party: int
    key: str
    size: int
    sha256: str
    """Both before its encryption."""


class Peaks(msgspec.Struct, frozen=True):
    """The loudest sample of each stretch, 0 to 127."""

    per_second: int
    left: list[int]
    right: list[int]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    recording: str
    account: str
    instance: str
    contact: str
    key: str
    parties: tuple[PartyReport, ...]
    duration_ms: int = 0
    rate: int = 0
    """Samples per second and channel; two channels, 16 bits, left: all but the agent, right: the agent."""
    format: str = "wav"
    size: int = 0
    """Of the sound file in bytes, before its encryption."""
    sha256: str = ""
    """Of the sound file before its encryption, in hexadecimal."""
    tracks: tuple[Track, ...] = ()
    gaps: tuple[Gap, ...]
    gaps_left_out: int
    pauses: tuple[Span, ...]
    key_id: str = ""
    wrapped_key: bytes = b""
    """Both of the first version alone; since then the key object tells of the key."""
    undeclared_parties: tuple[int, ...] = ()
    """Parties that the tap had and that nobody announced: they are not in the sound."""
    peaks: Peaks


def longest(gaps: list[Gap]) -> tuple[tuple[Gap, ...], int]:
    """The gaps to be listed, in order, and the number of those that are not."""
    kept = sorted(gaps, key=lambda gap: gap.start_ms - gap.end_ms)[:MAX_GAPS]
    return tuple(sorted(kept)), len(gaps) - len(kept)


def encode(manifest: Manifest) -> bytes:
    return msgspec.json.encode(manifest)


def decode(data: bytes) -> Manifest:
    """Raises msgspec.MsgspecError."""
    try:
        return msgspec.json.decode(data, type=Manifest)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from None
