"""Places what was received on the time line of the call: where nothing came, there is silence. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bench.call.codecs import Codec, Samples

DRIFT_SECONDS = 0.5
"""RTP time and arrival apart by more than this: the sender began a new time line, and arrival counts."""


@dataclass(frozen=True, slots=True)
class HeardPacket:
    """One packet of sound."""

    codec: Codec
    ssrc: int
    timestamp: int
    """Extended."""
    arrival: float
    """Seconds since the time line began."""
    payload: bytes


def place(packets: Iterable[HeardPacket], rate: int, seconds: float) -> Samples:
    """The time line from 0 to `seconds` at `rate`.

    The first packet of a source stands where it arrived, the others relative to it by their timestamps."""
    line = np.zeros(max(0, round(seconds * rate)), np.int16)
    for source in _by_source(packets):
        decoder = source[0].codec.make_decoder()
        for at, packet in _positions(source):
            _put(line, round(at * rate), _at_rate(decoder.decode(packet.payload), packet.codec.rate, rate))
    return line


def _by_source(packets: Iterable[HeardPacket]) -> list[list[HeardPacket]]:
    sources: dict[tuple[int, str], list[HeardPacket]] = {}
    for packet in packets:
        sources.setdefault((packet.ssrc, packet.codec.name), []).append(packet)
    return list(sources.values())


def _positions(packets: list[HeardPacket]) -> list[tuple[float, HeardPacket]]:
    """Seconds on the time line for each packet, in that order, late and repeated ones in their place and once."""
    placed: dict[tuple[int, int], tuple[float, HeardPacket]] = {}
    anchor, line = 0.0, 0
    for packet in packets:
        media = packet.timestamp / packet.codec.clock_rate
        if not placed or abs(anchor + media - packet.arrival) > DRIFT_SECONDS:
            anchor, line = packet.arrival - media, line + 1
        placed.setdefault((line, packet.timestamp), (anchor + media, packet))
    return sorted(placed.values(), key=lambda item: item[0])


def _at_rate(samples: Samples, have: int, want: int) -> Samples:
    if have == want or len(samples) == 0:
        return samples
    times = np.arange(len(samples) * want // have) * (have / want)
    resampled: Samples = np.interp(times, np.arange(len(samples)), samples).astype(np.int16)
    return resampled


def _put(line: Samples, at: int, samples: Samples) -> None:
    begin, end = max(0, at), min(len(line), at + len(samples))
    if begin < end:
        line[begin:end] = samples[begin - at : end - at]
