import numpy as np

from bench.load.flood import LONGEST, FloodPlan, bad_packets, measure_flood


def test_bad_packets_are_of_every_kind_and_size() -> None:
    data, sizes = bad_packets(2000)
    assert data.shape == (2000, LONGEST)
    assert {*sizes.tolist()} == {*range(LONGEST + 1)}
    assert np.array_equal(data[1::4, 0], np.full(500, 0x80))
    assert len(np.unique(data[::4], axis=0)) == 500


async def test_a_flooded_leg_costs_the_others_nothing_that_they_hear() -> None:
    seen = await measure_flood(FloodPlan(rate=1000, legs=4, seconds=2.0), lambda what, share: None)
    verdict = seen.others.verdict
    assert verdict.right
    assert verdict.lost == verdict.unreadable == verdict.dropouts == 0
    assert seen.sent >= 2000
    assert seen.sent / 2 < seen.discarded <= seen.sent  # a kernel whose buffer is full drops the rest
