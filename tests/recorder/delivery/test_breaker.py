from recorder.delivery.breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Breaker


def test_it_opens_after_some_failures_in_a_row_and_lets_one_try_at_a_time() -> None:
    breaker = Breaker(width=2)
    for _ in range(FAILURES - 1):
        breaker.failed(10.0, 1.0)
    assert (breaker.room(10.0, 0), breaker.room(10.0, 1), breaker.room(10.0, 2)) == (2, 1, 0)
    breaker.succeeded()
    for _ in range(FAILURES):
        assert not breaker.open
        breaker.failed(10.0, 1.0)
    assert breaker.open
    assert breaker.room(10.0, 0) == 0
    assert breaker.next_try() == 10.0 + FIRST_PAUSE
    assert (breaker.room(10.0 + FIRST_PAUSE, 0), breaker.room(10.0 + FIRST_PAUSE, 1)) == (1, 0)
    breaker.succeeded()
    assert breaker.room(10.0 + FIRST_PAUSE, 0) == 2


def test_its_pauses_grow_to_an_end() -> None:
    breaker, pauses = Breaker(width=1), []
    for _ in range(FAILURES + 2000):
        breaker.failed(0.0, 0.5)
        pauses.append(breaker.next_try())
    opened = pauses[FAILURES - 1 :]
    assert opened[:3] == [0.5 * FIRST_PAUSE, FIRST_PAUSE, 2 * FIRST_PAUSE]
    assert opened == sorted(opened)
    assert opened[-1] == 0.5 * LONGEST_PAUSE
