import pytest

from bench.tap_cost import TapCost, measure_tap


async def test_both_sides_pass_packets_on_and_one_is_recorded() -> None:
    cost = await measure_tap(legs=4, ticks=10)
    assert cost.bare > 0 and cost.tapped > 0


def test_the_share_is_of_the_time_without_recording() -> None:
    assert TapCost(bare=10.0, tapped=10.5).share_percent == pytest.approx(5.0)
