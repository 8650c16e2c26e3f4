from signaling.sip.config import SipConfig
from signaling.sip.turns import Turns

HOST, OTHER = "198.51.100.7", "198.51.100.8"


def answers(turns: Turns, now: float, host: str = HOST) -> int:
    """How many of a hundred at once."""
    return sum(turns.answer(host, now) for _ in range(100))


def test_nobody_is_answered_once_a_second_and_a_source_of_phones_as_often_as_they_need_it() -> None:
    turns = Turns(SipConfig(challenge_burst=10, challenge_rate=5, trust_seconds=60))
    assert [answers(turns, now) for now in (0.0, 0.9, 1.0, 9.0)] == [1, 0, 1, 1]
    turns.prove(HOST, 9.0)
    assert (answers(turns, 9.0), answers(turns, 9.0, OTHER)) == (10, 1)
    assert answers(turns, 10.0) == 5
    turns.prove(HOST, 10.0)
    assert answers(turns, 10.0) == 1  # the challenge that was answered as it should be
    assert [answers(turns, now) for now in (69.9, 70.0, 70.5)] == [10, 1, 0]


def test_more_is_read_of_a_source_of_phones() -> None:
    turns = Turns(SipConfig(stranger_burst=5, office_burst=20))
    assert sum(turns.read(HOST, 0.0) for _ in range(100)) == 5
    turns.was_worth_it(HOST, 0.0)
    assert turns.read(HOST, 0.0) and not turns.read(HOST, 0.0)
    turns.prove(HOST, 0.0)
    assert sum(turns.read(HOST, 0.0) for _ in range(100)) == 20
    turns.was_worth_it(HOST, 0.0)
    assert turns.read(HOST, 0.0) and not turns.read(HOST, 0.0)


def test_a_network_of_ipv6_is_one_source() -> None:
    turns = Turns(SipConfig())
    assert [turns.answer(f"2001:db8::{number}", 0.0) for number in (1, 2)] == [True, False]
    turns.prove("2001:db8::3", 0.0)
    assert turns.answer("2001:db8::4", 0.0)


def test_no_table_grows_beyond_its_size() -> None:
    turns = Turns(SipConfig(max_strangers=10))
    for number in range(1000):
        host = f"10.0.{number // 250}.{number % 250}"
        turns.read(host, 0.0)
        turns.answer(host, 0.0)
        turns.prove(host, 0.0)
        turns.read(host, 0.0)
        turns.answer(host, 0.0)
    assert len(turns) == 10
