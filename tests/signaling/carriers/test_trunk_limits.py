import random

import pytest

from signaling.carriers.trunk_limits import TrunkLimits
from signaling.center.resources import Trunk

FEW, SLOW, FREE = "instance-1/few", "instance-1/slow", "instance-1/free"


@pytest.fixture
def limits() -> TrunkLimits:
    trunks = {FEW: Trunk("few", (), max_calls=2), SLOW: Trunk("slow", (), max_rate=0.5), FREE: Trunk("free", ())}
    return TrunkLimits(trunks.get)


def test_calls_at_once(limits: TrunkLimits) -> None:
    assert limits.admit(FEW, ("in", "1"), 0.0) and limits.admit(FEW, ("out", "1"), 0.0)
    assert not limits.admit(FEW, ("in", "2"), 100.0)
    assert limits.refused == {(FEW, "calls"): 1}
    limits.release(("in", "1"))
    limits.release(("in", "1"))
    limits.release(("in", "2"))
    assert limits.running(FEW) == 1
    assert limits.admit(FEW, ("in", "3"), 100.0)
    assert not limits.admit(FEW, ("in", "4"), 100.0)


def test_calls_that_begin_in_a_second(limits: TrunkLimits) -> None:
    admitted = [limits.admit(SLOW, ("in", str(now)), float(now)) for now in range(6)]
    assert admitted == [True, False, True, False, True, False]
    assert limits.refused == {(SLOW, "rate"): 3}


def test_a_trunk_without_limits_and_one_that_is_not_known(limits: TrunkLimits) -> None:
    assert all(limits.admit(name, ("in", f"{name}{n}"), 0.0) for n in range(1000) for name in (FREE, "else/where"))
    assert limits.running(FREE) == 1000


def test_a_call_that_was_there_before_counts(limits: TrunkLimits) -> None:
    for call in ("1", "1", "2", "3"):
        limits.hold(FEW, ("in", call))
    assert limits.running(FEW) == 3
    assert not limits.admit(FEW, ("in", "4"), 0.0)


@pytest.mark.parametrize("seed", range(10))
def test_never_more_than_the_limit_whatever_happens(seed: int) -> None:
    rng = random.Random(seed)
    trunk = Trunk("t", (), max_calls=5, max_rate=3.0)
    limits, name = TrunkLimits(lambda name: trunk), "t"
    live: list[str] = []
    began: list[float] = []
    now = 0.0
    for number in range(2000):
        now += rng.expovariate(20)
        if live and rng.random() < 0.3:
            limits.release(("in", live.pop(rng.randrange(len(live)))))
        elif limits.admit(name, ("in", str(number)), now):
            live.append(str(number))
            began.append(now)
        assert limits.running(name) == len(live) <= 5
        # A second's worth at once, and the rate from then on.
        assert len([at for at in began if at > now - 1.0]) <= 6
    assert len(began) > 100
