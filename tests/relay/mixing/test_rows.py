import numpy as np
import numpy.typing as npt

from relay.mixing.resample import FULL, NARROW, RATES, WIDE
from relay.mixing.rows import HANG_TICKS, SourceRows
from tests.support.tones import level_of, residue_of, tone

LOUD = np.full((1, 160), 5000, np.int16)


def test_who_gives_nothing_or_silence_does_not_sound() -> None:
    rows = SourceRows()
    loud, silent, absent = rows.allot(), rows.allot(), rows.allot()
    rows.begin()
    rows.put([loud, silent], NARROW, np.concatenate([LOUD, np.full((1, 160), 8, np.int16)]))
    rows.settle()
    assert rows.sounding[[loud, silent, absent]].tolist() == [True, False, False]
    assert rows.is_quiet(silent)
    assert not rows.is_quiet(loud)


def test_it_sounds_one_tick_longer_and_then_of_nothing() -> None:
    rows = SourceRows()
    row = rows.allot()
    rows.want(NARROW, np.array([row]))
    rows.begin()
    rows.put([row], NARROW, LOUD)
    rows.settle()
    for sounding in (True, False):
        rows.begin()
        rows.settle()
        assert rows.sounding[row] == sounding
    assert not rows.frames[NARROW][row].any()


def test_other_rates_are_made_where_they_are_wanted() -> None:
    rows = SourceRows()
    given = {rate: rows.allot() for rate in RATES}
    for rate in RATES:
        rows.want(rate, np.array([row for own, row in given.items() if own != rate]))
    heard: dict[tuple[int, int], list[npt.NDArray[np.int16]]] = {(own, to): [] for own in RATES for to in RATES}
    for at in range(50):
        rows.begin()
        for rate, row in given.items():
            frame = rate // 50
            rows.put([row], rate, tone(300 + rate // 50, 1, rate)[None, at * frame : (at + 1) * frame])
        rows.settle()
        for own, to in heard:
            heard[own, to].append(rows.frames[to][given[own]].copy())
    for (own, to), frames in heard.items():
        sound = np.concatenate(frames[1:])
        assert abs(level_of(sound, to, 300 + own // 50) + 10) < 0.1
        assert residue_of(sound, to, 300 + own // 50) < -60


def test_nothing_is_made_that_nobody_wants() -> None:
    rows = SourceRows()
    row = rows.allot()
    rows.want(WIDE, np.array([row]))
    rows.begin()
    rows.put([row], NARROW, LOUD)
    rows.settle()
    assert rows.frames[WIDE][row].any()
    assert not rows.frames[FULL][row].any()


def test_a_new_source_inherits_nothing_of_its_row() -> None:
    rows = SourceRows(capacity=1)
    row = rows.allot()
    rows.want(WIDE, np.array([row]))
    rows.begin()
    rows.put([row], NARROW, LOUD)
    rows.settle()
    rows.release(row)
    assert rows.allot() == row
    rows.begin()
    rows.settle()
    assert not rows.sounding[row]
    rows.begin()
    rows.put([row], NARROW, np.concatenate([np.zeros((1, 80), np.int16), LOUD[:, :80]], axis=1))
    rows.settle()
    assert not rows.frames[WIDE][row][:100].any()


def test_it_grows() -> None:
    rows = SourceRows(capacity=2)
    taken = [rows.allot() for _ in range(9)]
    assert len(set(taken)) == 9
    rows.begin()
    rows.put(taken, NARROW, np.repeat(LOUD, 9, axis=0))
    rows.settle()
    assert rows.sounding[taken].all()


def test_a_gated_source_is_heard_while_it_speaks_and_a_second_longer() -> None:
    rows = SourceRows()
    gated, free = rows.allot(), rows.allot()
    rows.gate(np.array([gated]))
    hiss = np.full((2, 160), 40, np.int16)
    told = []
    for at in range(HANG_TICKS + 10):
        rows.begin()
        rows.put([gated, free], NARROW, hiss)
        if at == 5:
            rows.put([gated], NARROW, LOUD)
        rows.settle()
        assert rows.sounding[free]
        told.append(bool(rows.sounding[gated]))
    assert told == [False] * 5 + [True] * HANG_TICKS + [False] * 5
    rows.release(gated)
    assert rows.allot() == gated
    rows.gate(np.array([], np.intp))
    rows.begin()
    rows.put([gated], NARROW, hiss[:1])
    rows.settle()
    assert rows.sounding[gated]
