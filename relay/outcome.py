"""What comes of an engine's ticks and packets: values. Pure."""

import msgspec

from relay.formats import Codec
from relay.party import Outgoing
from relay.passing.outbound import Heard
from relay.playout.receiving import Receiver
from relay.streams.rtp import RtpPacket


class EngineReport(msgspec.Struct, frozen=True):
    """What a leg received from its beginning until now."""

    packets_received: int = 0
    """Without duplicates."""
    packets_lost: int = 0
    """Sequence numbers that never came."""
    packets_late: int = 0
    """Came after their turn; not in `packets_lost`."""
    packets_duplicated: int = 0
    packets_unknown: int = 0
    """Of a payload type that was not negotiated, or not decodable."""
    frames_concealed: int = 0
    """Frames of 20 ms with sound made up in place of packets that were lost or late."""
    jitter_ms: float = 0.0
    """Interarrival jitter (RFC 3550 §6.4.1)."""
    delay_ms: float = 0.0
    """How long the jitter buffer keeps a packet now."""


class Kept(msgspec.Struct, frozen=True):
    """A packet that waits for its turn."""

    leg: str
    packet: RtpPacket
    codec: Codec
    arrival_ns: int


class Tick(msgspec.Struct, frozen=True):
    """What came of one tick."""

    sends: list[Outgoing]
    ended: list[tuple[str, str]]
    """(room, player) of those that played their file to the end; they are already removed."""
    digits: list[tuple[str, str, int]]
    """(leg, digit, duration in ms)."""
    heard: Heard
    """What those hear who are sent a packet elsewhere (`lend_sender`)."""
    faults: list[tuple[str, Exception]] = []
    """(leg, error) of those whose own sound could not be taken or made: the others' goes on."""


def report_of(receiver: Receiver) -> EngineReport:
    """The figures of a leg until now."""
    stats = receiver.jitter.stats
    return EngineReport(
        stats.received,
        stats.lost,
        stats.late,
        stats.duplicated,
        receiver.unknown,
        receiver.frames_concealed,
        stats.jitter_ms,
        receiver.jitter.target_ms,
    )
