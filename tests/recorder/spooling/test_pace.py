"""When a worker's sound is ahead of the time that has gone by."""

from recorder.spooling.pace import AHEAD_NS, Pace, Point

SECOND = 1_000_000_000


def test_sound_that_comes_as_it_is_spoken_is_not_ahead() -> None:
    pace = Pace()
    pace.begin(Point(7 * SECOND, 100))
    for at in range(20):
        assert not pace.is_ahead(Point((7 + at) * SECOND, 100 + at * SECOND))
    assert not pace.is_ahead(Point(8 * SECOND, 100 + 5 * SECOND)), "it came late"


def test_what_comes_all_at_once_is_ahead_until_it_is_on_the_disk() -> None:
    pace = Pace()
    pace.begin(Point(7 * SECOND, 100))
    pace.begin(Point(9 * SECOND, 100))
    assert not pace.is_ahead(Point(7 * SECOND + AHEAD_NS, 100))
    caught_up = Point(9 * SECOND, 100)
    assert pace.is_ahead(caught_up)
    pace.reach(Point(8 * SECOND, 100))
    assert pace.is_ahead(caught_up)
    pace.reach(caught_up)
    pace.reach(Point(8 * SECOND, 100))
    assert not pace.is_ahead(caught_up)
    assert not pace.is_ahead(Point(10 * SECOND, 100 + SECOND))


def test_after_a_silent_connection_what_was_held_is_ahead() -> None:
    """Time went by, and what was synced last moved on with it."""
    pace = Pace()
    pace.begin(Point(SECOND, 100))
    pace.reach(Point(2 * SECOND, 100 + SECOND))
    assert not pace.is_ahead(Point(6 * SECOND, 100 + 5 * SECOND))
    assert pace.is_ahead(Point(7 * SECOND, 100 + 5 * SECOND))


def test_what_is_not_known_is_ahead() -> None:
    pace = Pace()
    assert pace.is_ahead(Point(1, 1))
    pace.begin(Point(1, 1))
    assert pace.is_ahead(Point(0, 2))
