"""What columns reckon is what the objects reckon packet by packet."""

import random

import numpy as np

from relay.passing.pace import Pace, PaceStart
from relay.playout.delay import DelaySpread
from relay.streams.rtp import RtpPacket
from relay.streams.sequence import SequenceStats
from relay.streams.stats import Reception
from tests.relay.calls import MS

CLOCK, SAMPLES, PACKETS = 8000, 160, 400


def test_the_figures_of_many_rows_are_those_of_each() -> None:
    pace, rows = Pace(), np.arange(3)
    pace.grow(4)
    chance = random.Random(5)
    receptions = [Reception(7, 0) for _ in rows]
    spreads = [DelaySpread(CLOCK), DelaySpread(CLOCK), DelaySpread(CLOCK)]
    transits = []
    for row, (reception, spread) in enumerate(zip(receptions, spreads, strict=True)):
        spread.add(0, 0)
        reception.receive(RtpPacket(0, False, 7, 0, 0, b""), CLOCK, 0)
        copy = DelaySpread(CLOCK)
        copy.add(0, 0)
        pace.begin(row, PaceStart(CLOCK, 0, 0.0, (0.0, 0.0), copy), 0)
        transits.append([0])
    copies = pace._spreads
    for number in range(1, PACKETS + 1):
        arrivals = [number * 20 * MS + round(chance.uniform(0, row * 15) * MS) for row in range(3)]
        pace.add(rows, np.array(arrivals), np.full(3, 160), np.full(3, SAMPLES))
        for row, arrival in enumerate(arrivals):
            now = arrival * CLOCK // 1_000_000_000
            spreads[row].add(now - number * SAMPLES, now)
            transits[row].append(now - number * SAMPLES)
            receptions[row].receive(RtpPacket(0, False, 7, number, number * SAMPLES, b""), CLOCK, arrival)
    for row in range(3):
        ending = pace.take(row, 5, SAMPLES)
        assert (ending.packets, ending.units, ending.octets) == (PACKETS, PACKETS * SAMPLES, PACKETS * 160)
        assert ending.transit == transits[row][-1]
        jitter = 0.0
        for before, after in zip(transits[row], transits[row][1:], strict=False):
            jitter += (abs(after - before) * 1000 / CLOCK - jitter) / 16
        assert abs(ending.jitter_ms - jitter) < 1e-9
        newest = RtpPacket(0, False, 7, PACKETS, 0, b"")
        reported = receptions[row].pace(newest)
        assert reported is not None and np.allclose(ending.reported, reported)
        assert (copies[row].base, copies[row].spread) == (spreads[row].base, spreads[row].spread)
        assert pace.take(row, 5, SAMPLES).packets == 0


def test_a_transit_of_another_clock_begins_the_spread_anew() -> None:
    pace, spread = Pace(), DelaySpread(CLOCK)
    pace.grow(1)
    spread.add(0, 0)
    pace.begin(0, PaceStart(CLOCK, 0, 0.0, (0.0, 0.0), spread), 0)
    one = np.array([0])
    pace.add(one, np.array([20 * MS]), np.array([160]), np.array([SAMPLES]))
    pace.add(one, np.array([2040 * MS]), np.array([160]), np.array([SAMPLES]))
    ending = pace.take(0, 0, SAMPLES)
    assert (spread.base, spread.spread) == (16000, 0)
    assert ending.jitter_ms == 0.0


def test_counters_that_advance_are_those_that_counted() -> None:
    one, other = SequenceStats(), SequenceStats()
    for sequence in (10, 12, 13):
        one.count(sequence)
        other.count(sequence)
    assert one.is_newest(13) and not one.is_newest(12)
    one.advance(5, 1.5)
    for sequence in range(14, 19):
        other.count(sequence)
    assert (one.received, one.lost, one.jitter_ms) == (other.received, other.lost, 1.5)
    verdicts = [(one.count(sequence), other.count(sequence)) for sequence in (11, 12, 16, 18, 19)]
    assert verdicts == [(verdict, verdict) for verdict in ("new", "again", "again", "again", "new")]
