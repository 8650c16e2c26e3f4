import pytest

from bench.tap_cost import share_percent, tap_us


def test_the_tap_takes_some_of_the_relay_s_time() -> None:
    assert 0 < tap_us() < 1000
    assert share_percent(0.6, 1.5) == pytest.approx(2.0)
