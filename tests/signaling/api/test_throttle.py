from signaling.api.throttle import Throttle


def test_the_try_after_the_last_allowed_must_wait() -> None:
    throttle = Throttle(limit=3, window=60.0)
    for now in (0.0, 10.0, 20.0):
        assert throttle.wait("a", now) == 0
        throttle.note("a", now)
    assert throttle.wait("a", 30.0) == 30.0
    assert throttle.wait("b", 30.0) == 0
    assert throttle.wait("a", 59.9) > 0
    assert throttle.wait("a", 60.0) == 0


def test_a_good_try_does_not_count() -> None:
    throttle = Throttle(limit=2, window=60.0)
    throttle.note("a", 1.0)
    throttle.note("a", 2.0)
    throttle.take_back("a", 2.0)
    assert throttle.wait("a", 3.0) == 0
    throttle.take_back("a", 99.0)
    throttle.take_back("b", 1.0)
    throttle.note("a", 3.0)
    assert throttle.wait("a", 4.0) > 0
    throttle.forgive("a")
    assert throttle.wait("a", 4.0) == 0


def test_it_does_not_grow_without_bound() -> None:
    throttle = Throttle(limit=1, window=60.0, keys=10)
    for number in range(1000):
        throttle.note(str(number), float(number))
    assert len(throttle) == 10
    assert throttle.wait("999", 999.0) > 0
