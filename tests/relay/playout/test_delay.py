from relay.playout.delay import DelaySpread


def fed(transits: list[int]) -> DelaySpread:
    spread = DelaySpread(8000)
    for number, transit in enumerate(transits):
        spread.add(transit, number * 160)
    return spread


def test_no_spread_without_jitter() -> None:
    assert fed([500] * 300).spread == 0


def test_one_straggler_is_not_waited_for_and_two_are() -> None:
    assert fed([0] * 20 + [900] + [0] * 20).spread == 0
    assert fed([0] * 20 + [900, 880] + [0] * 20).spread == 880


def test_it_is_forgotten_after_four_seconds() -> None:
    assert fed([0, 900, 900] + [0] * 190).spread > 0
    assert fed([0, 900, 900] + [0] * 240).spread == 0


def test_the_base_follows_a_clock_that_runs_slow() -> None:
    assert fed(list(range(1000))).base > 750
