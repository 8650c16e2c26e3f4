"""How fast a client may speak."""

from signaling.softphone.pace import Pace


def test_a_burst_and_then_the_rate() -> None:
    pace = Pace(rate=10, burst=5)
    assert [pace.take(0) for _ in range(6)] == [True] * 5 + [False]
    assert [pace.take(0.1), pace.take(0.1)] == [True, False]


def test_it_never_holds_more_than_the_burst() -> None:
    pace = Pace(rate=10, burst=2)
    pace.take(0)
    assert [pace.take(1000) for _ in range(3)] == [True, True, False]
