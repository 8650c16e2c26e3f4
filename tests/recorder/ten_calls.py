"""Ten calls of two tones each, for a recorder that is killed: what they are, what becomes of them, what is missing."""

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.recorder.offline import Room
from tests.recorder.process import Delivered
from tests.support.tapper import Speaker, batches, call
from tests.support.tones import Samples

CALLS = 10
NAMES = [f"{number:032x}" for number in range(1, CALLS + 1)]
PACKET_MS = 20
UNSYNCED_MS = 500
"""What may be lost when the power goes."""
DELAY_MS = 30
"""What a packet is later than the call: when the first one begins."""


def speakers(number: int, seconds: float) -> tuple[Speaker, Speaker]:
    """Two tones that no other party has."""
    return (
        Speaker(0, 300.0 + 40 * number, end=seconds, seed=number),
        Speaker(1, 1500.0 + 40 * number, end=seconds, seed=100 + number),
    )


@functools.cache
def all_bodies(seconds: float) -> list[bytes]:
    """What the worker writes each tick."""
    records = [record for number, name in enumerate(NAMES) for record in call(name, speakers(number, seconds))]
    return list(batches(sorted(records, key=lambda record: record.clock)))


@functools.cache
def expected(seconds: float) -> list[Delivered]:
    """What the calls become when nothing happens."""
    with tempfile.TemporaryDirectory() as folder:
        room = Room(Path(folder))
        calls = [call(name, speakers(number, seconds)) for number, name in enumerate(NAMES)]
        return [room.made_of(records, recording=name) for name, records in zip(NAMES, calls, strict=True)]


def lost_ms(heard: Delivered, wanted: Delivered) -> list[int]:
    """How much of each side is missing. All else is as it should be, once, and what is missing is silent and stands in
    the manifest where it is, or is the end of the call."""
    short = wanted.manifest.duration_ms - heard.manifest.duration_ms
    assert 0 <= short <= UNSYNCED_MS
    lost = []
    for party, (sound, whole) in enumerate(((heard.left, wanted.left), (heard.right, wanted.right))):
        missing = list(_silent_packets(sound, whole[: len(sound)]))
        marked = [gap for gap in heard.manifest.gaps if gap.party == party]
        assert {at for gap in marked for at in range(gap.start_ms, gap.end_ms)} == {
            at for start_ms in missing for at in range(start_ms, start_ms + PACKET_MS)
        }
        lost.append(len(missing) * PACKET_MS + short)
    return lost


def longest_ms(heard: Delivered, wanted: Delivered) -> int:
    """The longest stretch that a party has lost in one place, as the manifest says: what one kill has cost."""
    longest = wanted.manifest.duration_ms - heard.manifest.duration_ms
    for party in range(2):
        began = end = -1
        for gap in heard.manifest.gaps:
            if gap.party == party:
                began, end = (began, gap.end_ms) if gap.start_ms <= end else (gap.start_ms, gap.end_ms)
                longest = max(longest, end - began)
    return longest


def _silent_packets(sound: Samples, whole: Samples) -> Iterator[int]:
    """Where packets are missing, in ms; all others are as they should be."""
    size = PACKET_MS * 8
    for at in range(DELAY_MS * 8, len(whole), size):
        if np.array_equal(sound[at : at + size], whole[at : at + size]):
            continue
        assert not sound[at : at + size].any(), f"neither sound nor silence at {at / 8} ms"
        yield at // 8
