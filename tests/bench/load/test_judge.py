"""The judge is told of every fault that is put into what came back."""

from dataclasses import replace

import numpy as np
import pytest

from bench.call.codecs import PCMU
from bench.load.drive import Log
from bench.load.judge import Verdict, judge
from bench.load.work import Work
from tests.bench.load.reflection import FRAME_NS, START_NS, calls, keep, lines_of, reflect

WORK = calls()
FIRST, LAST = START_NS + 1_000_000_000, START_NS + 3_500_000_000


@pytest.fixture(scope="module")
def clean() -> Log:
    return reflect(WORK)


def verdict(log: Log, work: Work = WORK) -> Verdict:
    return judge(work, lines_of(work), log, FIRST, LAST)


def test_finds_no_fault_where_there_is_none(clean: Log) -> None:
    said = verdict(clean)
    assert said.right
    assert (said.lost, said.missing, said.doubled, said.unreadable, said.dropouts) == (0, 0, 0, 0, 0)
    assert said.gap_ms == {"p50": 20.0, "p99": 20.0, "max": 20.0}


def test_times_the_way_of_a_marker(clean: Log) -> None:
    way = verdict(clean).mouth_to_ear_ms
    assert way["markers"] == 10  # 4 legs, 2.5 s
    assert way["p50"] == pytest.approx(30, abs=0.3)
    assert way["max"] == pytest.approx(30, abs=0.3)


def test_tells_lost_packets(clean: Log) -> None:
    random = np.random.default_rng(1)
    gone = (random.random(len(clean.legs)) < 0.05) & (clean.at_ns > FIRST) & (clean.at_ns < LAST - 2 * FRAME_NS)
    said = verdict(keep(clean, ~gone))
    assert said.lost == gone.sum() > 10
    assert said.dropouts == gone.sum()
    assert said.gap_ms["max"] >= 40


def test_tells_packets_that_were_never_sent() -> None:
    """A server that stands still leaves no hole in its sequence numbers."""
    log = reflect(WORK)
    data = log.data.copy()
    still = (log.at_ns > FIRST + 5 * FRAME_NS) & (log.at_ns < FIRST + 10 * FRAME_NS) & (log.legs == 0)
    after = (log.at_ns >= FIRST + 10 * FRAME_NS) & (log.legs == 0)
    count = int(still.sum())
    numbers = data[after, 2].astype(int) * 256 + data[after, 3] - count
    data[after, 2], data[after, 3] = numbers >> 8, numbers & 255
    said = verdict(keep(replace(log, data=data), ~still))
    assert said.lost == 0
    assert said.missing in (count, count - 1)  # a frame more or less fits into the time
    assert said.gap_ms["max"] == pytest.approx(20 * (count + 1))


def test_tells_gaps(clean: Log) -> None:
    at = clean.at_ns.copy()
    late = (clean.legs == 2) & (np.arange(len(at)) % 200 < 4)
    at[late] += 75_000_000
    said = verdict(replace(clean, at_ns=at))
    assert said.lost == 0
    assert said.gap_ms["p50"] == 20.0
    assert said.gap_ms["max"] >= 95


def test_tells_doubled_packets(clean: Log) -> None:
    twice = np.sort(np.concatenate([np.arange(len(clean.legs)), [400, 401]]))
    log = replace(
        clean, legs=clean.legs[twice], at_ns=clean.at_ns[twice], sizes=clean.sizes[twice], data=clean.data[twice]
    )
    assert verdict(log).doubled == 2


def test_tells_who_is_not_heard(clean: Log) -> None:
    data = clean.data.copy()
    data[clean.legs == 1, 12:] = 0xFF
    said = verdict(replace(clean, data=data))
    assert said.not_heard == ((1, 0),)
    assert not said.wrongly_heard
    assert not said.right


def test_tells_who_is_heard_where_he_does_not_belong(clean: Log) -> None:
    """The streams of legs 0 and 2 are swapped: that of room 1 is heard in room 0."""
    legs = np.where(clean.legs == 0, 2, np.where(clean.legs == 2, 0, clean.legs))
    said = verdict(replace(clean, legs=legs.astype(np.int32)))
    assert set(said.not_heard) == {(0, 1), (2, 3)}
    assert set(said.wrongly_heard) == {(0, 3), (2, 1)}


def test_what_a_coder_makes_of_a_tone_is_nobodys_voice() -> None:
    """Ten samples of G.711 are a turn of 800 Hz, with a little of 2400 Hz in each."""
    tones = (800, 1130, 2400, 1510)
    work = replace(WORK, legs=tuple(replace(leg, tone=tone) for leg, tone in zip(WORK.legs, tones, strict=True)))
    log = reflect(work)
    assert verdict(log, work).right
    legs = np.where(log.legs == 1, 3, np.where(log.legs == 3, 1, log.legs))
    assert set(verdict(replace(log, legs=legs.astype(np.int32)), work).wrongly_heard) == {(1, 2), (3, 0)}


def test_tells_a_faint_voice_from_another_room(clean: Log) -> None:
    """26 dB below what was said is still a conversation overheard."""
    codec = PCMU.make_encoder(), PCMU.make_decoder()
    data = clean.data.copy()
    rows, strange = np.flatnonzero(clean.legs == 0), np.flatnonzero(clean.legs == 2)
    for row, other in zip(rows, strange, strict=True):
        own, faint = (codec[1].decode(data[at, 12:172].tobytes()).astype(np.float64) for at in (row, other))
        data[row, 12:172] = np.frombuffer(codec[0].encode((own + faint / 20).astype(np.int16)), np.uint8)
    said = verdict(replace(clean, data=data))
    assert said.wrongly_heard == ((0, 3),)
    assert not said.not_heard


def test_tells_echo(clean: Log) -> None:
    """A caller that hears himself."""
    said = verdict(replace(clean, legs=clean.legs ^ np.int32(1)))
    assert set(said.wrongly_heard) == {(0, 0), (1, 1), (2, 2), (3, 3)}


def test_silence_from_the_server_is_no_verdict_of_right(clean: Log) -> None:
    said = verdict(keep(clean, clean.legs < 0))
    assert not said.right
    assert said.packets == 0
    assert said.missing > 0


def test_what_cannot_be_read_is_counted(clean: Log) -> None:
    data = clean.data.copy()
    data[clean.legs == 3, 0] = 0x40
    said = verdict(replace(clean, data=data))
    assert said.unreadable > 100
    assert (3, 2) in said.not_heard
