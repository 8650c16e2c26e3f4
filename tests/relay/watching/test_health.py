from relay.watching.health import INTERVAL_NS, LegHealth

SECOND = 1_000_000_000


def test_intervals_are_as_long_as_they_should_be_on_average() -> None:
    """Whoever asks does so when it suits him."""
    health = LegHealth("leg", trusted=False)
    asked = [health.is_due(round(turn * 1.3 * SECOND)) for turn in range(1000)]
    assert abs(sum(asked) - 1300 * SECOND / INTERVAL_NS) <= 1


def test_what_was_missed_is_not_made_up_for() -> None:
    health = LegHealth("leg", trusted=False)
    assert not health.is_due(0) and not health.is_due(INTERVAL_NS - 1)
    assert health.is_due(60 * SECOND)
    assert not health.is_due(61 * SECOND)
    assert health.is_due(60 * SECOND + INTERVAL_NS)
