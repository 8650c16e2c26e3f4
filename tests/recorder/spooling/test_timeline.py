import numpy as np
import pytest

from recorder.errors import Damaged
from recorder.spooling.timeline import NS, extent, merge, presence, subtract
from recorder.wire import Kind

TENTHS = np.arange(0, 10 * NS, NS // 10)


def test_comes_goes_and_comes_again() -> None:
    events = [(1 * NS, Kind.BEGIN), (3 * NS, Kind.END), (5 * NS, Kind.BEGIN), (8 * NS, Kind.END)]
    clocks = np.concatenate([TENTHS[10:31], TENTHS[50:81]])
    assert presence(events, clocks) == ([(1 * NS, 3 * NS), (5 * NS, 8 * NS)], [], [])


def test_a_pause_ends_with_the_party() -> None:
    events = [(0, Kind.BEGIN), (0, Kind.PAUSE), (2 * NS, Kind.RESUME), (4 * NS, Kind.PAUSE), (5 * NS, Kind.END)]
    assert presence(events, TENTHS[:51]).paused == [(0, 2 * NS), (4 * NS, 5 * NS)]


def test_without_an_end_the_last_clock_counts() -> None:
    there = presence([(0, Kind.BEGIN), (6 * NS, Kind.PAUSE)], TENTHS[:81])
    assert there.there == [(0, 8 * NS)]
    assert there.paused == [(6 * NS, 8 * NS)]


def test_a_clock_that_stands_still_is_seen() -> None:
    clocks = np.concatenate([TENTHS[:20], TENTHS[60:]])
    events = [(0, Kind.BEGIN), (int(TENTHS[-1]), Kind.END)]
    assert presence(events, clocks).unfollowed == [(int(TENTHS[19]), int(TENTHS[60]))]


def test_odd_events_do_no_harm() -> None:
    events = [
        (0, Kind.RESUME),
        (1, Kind.END),
        (2, Kind.BEGIN),
        (3, Kind.BEGIN),
        (4, Kind.PAUSE),
        (5, Kind.PAUSE),
        (9, Kind.END),
    ]
    assert presence(events, np.arange(10)) == ([(2, 9)], [(4, 9)], [])


def test_extent() -> None:
    one = presence([(5, Kind.BEGIN), (7, Kind.END)], np.arange(8))
    two = presence([(2, Kind.BEGIN), (6, Kind.END)], np.arange(8))
    assert extent([one, two]) == (2, 7)
    assert extent([presence([], np.arange(0))]) is None
    with pytest.raises(Damaged):
        extent([presence([(0, Kind.BEGIN), (2**62, Kind.END)], np.arange(2))])


def test_spans() -> None:
    assert subtract((0, 10), [(2, 3), (5, 20)]) == [(0, 2), (3, 5)]
    assert subtract((0, 10), [(-5, 20)]) == []
    assert merge([(5, 6), (0, 2), (1, 3), (6, 7)]) == [(0, 3), (5, 7)]
