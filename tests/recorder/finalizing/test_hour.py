"""A call of an hour whose parties' clocks are 200 ppm apart goes through the whole finalizer."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recorder.finalizing.outcome import Finished
from recorder.wire import Codec, Kind, Record, pack
from relay.codecs import g711
from tests.recorder.finalizing.test_finalize import offset_ms
from tests.recorder.offline import RECORDING, Room
from tests.recorder.process import start_of
from tests.support.tapper import EPOCH
from tests.support.tones import rms_of

NAME = bytes.fromhex(RECORDING)
HOUR = 3600.0
RATE, STEP = 8000, 160
SPOKEN = (3.0, 1200.0, 1800.0, 2400.0, HOUR - 3.0)
"""Around these times both say the same at the same time; between them they are silent, but go on sending."""
LOSS = 0.02
SILENCE = b"\xff" * STEP
Floats = NDArray[np.float64]


def said_at(time: Floats) -> Floats:
    """What both say, as a function of true time."""
    generator = np.random.default_rng(7)
    pitches, phases = generator.uniform(300, 3000, 40), generator.uniform(0, 6.28, 40)
    return np.asarray(1200 * np.sin(2 * np.pi * np.outer(time, pitches) + phases).sum(axis=1))


def payloads(skew: float) -> dict[int, bytes]:
    """By number of the packet, where something is said, as a clock that is off by `skew` samples it."""
    found: dict[int, bytes] = {}
    for middle in SPOKEN:
        first = round((middle - 2) * (1 + skew) / 0.02)
        samples = np.arange(first * STEP, (first + 200) * STEP) / (RATE * (1 + skew))
        rows = g711.encode("PCMU", said_at(samples).astype(np.int16)).reshape(200, STEP)
        found |= {first + number: row.tobytes() for number, row in enumerate(rows)}
    return found


def packets(party: int, skew: float) -> Iterator[tuple[int, bytes]]:
    """What a party sends for an hour, with its arrival: 30 to 90 ms late, some lost, some overtaken by others."""
    generator = np.random.default_rng(party)
    count = int(HOUR * (1 + skew) / 0.02)
    late = 0.03 + generator.uniform(0, 0.04, count) + np.where(generator.random(count) < 0.05, 0.02, 0.0)
    arrivals = EPOCH + np.round((np.arange(count) * 0.02 / (1 + skew) + late) * 1e9).astype(np.int64)
    spoken = payloads(skew)
    for number in np.flatnonzero(generator.random(count) >= LOSS).tolist():
        payload = spoken.get(number, SILENCE)
        at = int(arrivals[number])
        yield at, pack(Record(NAME, Kind.PACKET, party, at, Codec.PCMU, number, number * STEP, 70 + party, payload))


def bodies() -> Iterator[bytes]:
    """The records of both parties, a tenth of a second at a time."""
    ticks = round(HOUR * 10)
    sent = [sorted(packets(0, 100e-6)), sorted(packets(1, -100e-6))]
    at = [0, 0]
    for tick in range(ticks + 1):
        clock = EPOCH + tick * 100_000_000
        kind = Kind.BEGIN if tick == 0 else Kind.END if tick == ticks else Kind.CLOCK
        body = bytearray()
        for party in range(2):
            while at[party] < len(sent[party]) and sent[party][at[party]][0] < clock:
                body += sent[party][at[party]][1]
                at[party] += 1
            body += pack(Record(NAME, kind, party, clock))
        yield bytes(body)


def test_sides_are_within_a_millisecond_at_each_point_of_an_hour(tmp_path: Path) -> None:
    room = Room(tmp_path)
    folder = room.spool_bodies(start_of(RECORDING), list(bodies()))
    made = room.finalize(folder)
    assert isinstance(made, Finished)
    assert made.duration_ms == HOUR * 1000
    heard = room.open(folder)
    assert len(heard.left) == HOUR * RATE
    for at in SPOKEN:
        second = slice(round((at - 0.5) * RATE), round((at + 0.5) * RATE))
        assert min(rms_of(heard.left[second]), rms_of(heard.right[second])) > -20, f"nothing is heard at {at} s"
        assert abs(offset_ms(heard.left, heard.right, RATE, at)) <= 1.0, f"apart at {at} s"
