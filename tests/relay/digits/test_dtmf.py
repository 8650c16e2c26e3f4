import pytest

from relay.digits.dtmf import SILENT_NS, DigitReceiver, parse
from relay.streams.malformed import EventError

MS = 1_000_000


def event(code: int, duration: int, end: bool = False) -> bytes:
    return bytes([code, 0x8A if end else 0x0A]) + duration.to_bytes(2, "big")


def feed(receiver: DigitReceiver, *packets: tuple[bytes, int], now_ns: int = 0) -> list[tuple[str, int]]:
    return [digit for payload, timestamp in packets for digit in receiver.receive(payload, timestamp, 8000, now_ns)]


def pressed(code: int, timestamp: int) -> list[tuple[bytes, int]]:
    going = [(event(code, duration), timestamp) for duration in (160, 320, 480, 640)]
    return going + [(event(code, 800, end=True), timestamp)] * 3


def test_a_digit_is_told_once_with_its_length() -> None:
    assert feed(DigitReceiver(), *pressed(5, 1000)) == [("5", 100)]


def test_the_same_digit_twice_is_two() -> None:
    assert feed(DigitReceiver(), *pressed(11, 1000), *pressed(11, 4000)) == [("#", 100), ("#", 100)]


def test_losing_all_but_one_end_loses_nothing() -> None:
    assert feed(DigitReceiver(), pressed(10, 1000)[-1]) == [("*", 100)]


def test_the_next_digit_ends_one_whose_end_was_lost() -> None:
    packets = pressed(1, 1000)[:3] + pressed(2, 4000)
    assert feed(DigitReceiver(), *packets) == [("1", 60), ("2", 100)]


def test_silence_ends_one_whose_end_was_lost() -> None:
    receiver = DigitReceiver()
    assert feed(receiver, *pressed(15, 1000)[:2]) == []
    assert receiver.expire(SILENT_NS - 1) == []
    assert receiver.expire(SILENT_NS) == [("D", 40)]
    assert feed(receiver, *pressed(15, 1000)[2:]) == []


def test_a_packet_overtaken_by_the_end_is_no_new_digit() -> None:
    packets = pressed(3, 1000)
    assert feed(DigitReceiver(), *packets[4:], *packets[:4]) == [("3", 100)]


def test_a_long_event_in_segments_is_one_digit() -> None:
    packets = [(event(4, 0xFFFF), 1000), (event(4, 160), 1000 + 0xFFFF), (event(4, 800, end=True), 1000 + 0xFFFF)]
    assert feed(DigitReceiver(), *packets) == [("4", (0xFFFF + 800) // 8)]


def test_other_events_mean_nothing() -> None:
    assert feed(DigitReceiver(), *pressed(16, 1000), *pressed(32, 3000)) == []


def test_a_short_payload_is_refused() -> None:
    with pytest.raises(EventError):
        parse(b"\5\n\0")
