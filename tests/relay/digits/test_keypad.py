import numpy as np
import pytest

from relay.codecs import g711
from relay.digits.dtmf import DIGITS, FREQUENCIES, DigitReceiver, parse
from relay.digits.inband import InbandDetector
from relay.digits.keypad import ENDS, MOST_WAITING, EventPacket, Keypad
from tests.support.impair import Impairment, Network
from tests.support.tones import level_of

MS = 1_000_000


def sent(
    keypad: Keypad, samples: int = 160, clock: int = 8000, event_clock: int = 8000
) -> list[tuple[int, EventPacket]]:
    """(timestamp, packet) of all that a keypad sends until it is done."""
    packets, now = [], 0
    while keypad.busy:
        packets += [(now - event.since, event) for event in keypad.events(samples, clock, event_clock)]
        now += samples
    return packets


def test_an_event_begins_with_a_marker_grows_and_ends_three_times() -> None:
    keypad = Keypad()
    keypad.press("5", 100)
    packets = sent(keypad)
    events = [parse(packet.payload) for _, packet in packets]
    assert [event.duration for event in events] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for event in events] == [False] * 4 + [True] * ENDS
    assert [packet.marker for _, packet in packets] == [True] + [False] * 6
    assert {timestamp for timestamp, _ in packets} == {0}
    assert {event.code for event in events} == {5}


def test_a_length_between_two_packets_is_told_exactly() -> None:
    keypad = Keypad()
    keypad.press("#", 75)
    events = [parse(packet.payload) for _, packet in sent(keypad)]
    assert [event.duration for event in events] == [160, 320, 480, 600, 600, 600]


@pytest.mark.parametrize(
    ("samples", "clock", "event_clock"), [(160, 8000, 8000), (960, 48000, 48000), (480, 8000, 8000)]
)
def test_a_receiver_finds_each_digit_once_with_its_length(samples: int, clock: int, event_clock: int) -> None:
    keypad, receiver = Keypad(), DigitReceiver()
    for number, digit in enumerate(DIGITS):
        keypad.press(digit, 60 + 10 * number)
    found = []
    for timestamp, packet in sent(keypad, samples, clock, event_clock):
        found += receiver.receive(packet.payload, timestamp, event_clock, 0)
    assert found == [(digit, 60 + 10 * number) for number, digit in enumerate(DIGITS)]


def test_a_digit_longer_than_the_field_goes_in_segments() -> None:
    keypad, receiver = Keypad(), DigitReceiver()
    keypad.press("0", 3000)
    packets = sent(keypad, 960, 48000, 48000)
    assert {timestamp for timestamp, _ in packets} == {0, 65535, 131070}
    assert [packet.marker for _, packet in packets].count(True) == 1
    found = [digit for timestamp, packet in packets for digit in receiver.receive(packet.payload, timestamp, 48000, 0)]
    assert found == [("0", 3000)]


def test_events_beside_opus_in_their_own_clock() -> None:
    keypad = Keypad()
    keypad.press("1", 100)
    durations = [parse(packet.payload).duration for _, packet in sent(keypad, 960, 48000, 8000)]
    assert durations == [160, 320, 480, 640, 800, 800, 800]


@pytest.mark.parametrize("seed", range(5))
def test_digits_survive_loss_reordering_and_duplication(seed: int) -> None:
    keypad, receiver = Keypad(), DigitReceiver()
    for digit in DIGITS:
        keypad.press(digit, 100)
    timed = [((timestamp + packet.since) * MS // 8, (timestamp, packet)) for timestamp, packet in sent(keypad)]
    network = Network[tuple[int, EventPacket]](Impairment(loss=0.2, reorder=0.1, duplicate=0.1), seed)
    found: list[tuple[str, int]] = []
    for delivered in network.carry(timed):
        found += receiver.expire(delivered.at_ns)
        timestamp, packet = delivered.packet
        found += receiver.receive(packet.payload, timestamp, 8000, delivered.at_ns)
    found += receiver.expire(1 << 62)
    assert "".join(digit for digit, _ in found) == DIGITS


def test_tones_are_the_digits_and_a_pause() -> None:
    keypad = Keypad()
    keypad.press("7", 100)
    keypad.press("3", 100)
    sound = np.concatenate([keypad.tone(160, 8000) for _ in range(18)])
    assert not keypad.busy
    for digit, at in (("7", 0), ("3", 1440)):
        for frequency in FREQUENCIES[digit]:
            assert level_of(sound[at : at + 800], 8000, frequency) > -15
        assert not sound[at + 800 : at + 1440].any()
    detector = InbandDetector()
    decoded = g711.decode("PCMA", g711.encode("PCMA", sound))
    assert [found.digit for found in detector.feed(np.concatenate([decoded, np.zeros(400, np.int16)]))] == ["7", "3"]


def test_what_nobody_could_wait_for_is_dropped() -> None:
    keypad = Keypad()
    for _ in range(MOST_WAITING + 9):
        keypad.press("1", 1)
    starts = [packet for _, packet in sent(keypad) if packet.marker]
    assert len(starts) == MOST_WAITING
    assert keypad.events(160, 8000, 8000) == []
    assert not keypad.tone(160, 8000).any()
