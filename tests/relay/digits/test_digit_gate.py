from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest
from msgspec.structs import replace

from relay.codecs import g711
from relay.digits.digit_gate import HOLD, MOST_HELD, NO_DIGIT, DigitGate
from relay.digits.dtmf import DIGITS, FREQUENCIES
from relay.digits.inband import Found
from relay.digits.keypad import Keypad
from relay.formats import Codec
from relay.streams.rtp import RtpPacket
from tests.support.impair import Impairment, Network
from tests.support.tones import level_of, rms_of

Samples = npt.NDArray[np.int16]
PCMA, OPUS, EVENTS = Codec("PCMA"), Codec("opus", 48000, 2), Codec("telephone-event")


def dialled(digits: str) -> Samples:
    keypad = Keypad()
    for digit in digits:
        keypad.press(digit, 70)
    return np.concatenate([keypad.tone(160, 8000) for _ in range(len(digits) * 8)])


def packets(sound: Samples, size: int = 160) -> list[RtpPacket]:
    octets = g711.encode("PCMA", sound).tobytes()
    return [RtpPacket(8, False, 1, at // size, at, octets[at : at + size]) for at in range(0, len(octets), size)]


def passed(gate: DigitGate, given: Iterable[RtpPacket]) -> tuple[list[RtpPacket], list[Found]]:
    through: list[RtpPacket] = []
    found: list[Found] = []
    for packet in given:
        now, digits = gate.take(packet, PCMA, packet.sequence * 20_000_000)
        through += now
        found += digits
    return through, found


def sound_of(through: list[RtpPacket]) -> Samples:
    return np.concatenate([g711.decode_bytes("PCMA", packet.payload) for packet in through])


def test_an_open_gate_is_none() -> None:
    given = packets(dialled("12"))
    assert passed(DigitGate(False), given) == (given, [])


def test_digits_are_told_and_the_sound_is_left_alone() -> None:
    given = packets(dialled("147*"))
    through, found = passed(DigitGate(True), given)
    assert through == given
    assert "".join(one.digit for one in found) == "147*"


@pytest.mark.parametrize("size", [80, 160, 240, 480])
@pytest.mark.parametrize("begin", [0, 50, 111])
def test_masked_digits_are_counted_and_not_audible(size: int, begin: int) -> None:
    gate = DigitGate(True)
    gate.mask(True)
    sound = np.concatenate([np.zeros(begin, np.int16), dialled(DIGITS), np.zeros(1600, np.int16)])
    through, found = passed(gate, packets(sound[: len(sound) // size * size], size))
    assert "".join(one.digit for one in found) == DIGITS
    assert [packet.sequence for packet in through] == list(range(len(through)))
    assert not (np.abs(sound_of(through)) > 8).any()


def test_masked_digits_are_not_audible_through_loss() -> None:
    gate = DigitGate(False)
    gate.mask(True)
    sound = dialled(DIGITS * 4)
    network = Network[RtpPacket](Impairment(loss=0.02), 5)
    arrived = network.carry((number * 20_000_000, packet) for number, packet in enumerate(packets(sound)))
    heard = sound_of(passed(gate, (delivered.packet for delivered in arrived))[0])
    for digit in FREQUENCIES:
        for frequency in FREQUENCIES[digit]:
            assert level_of(heard, 8000, frequency) < -60


def test_speech_comes_through_a_masked_gate_sixty_ms_later() -> None:
    gate = DigitGate(False)
    gate.mask(True)
    noise = np.random.default_rng(1).normal(0, 3000, 16000).astype(np.int16)
    given = packets(noise)
    through, _ = passed(gate, given)
    assert through == given[: len(through)]
    assert len(given) - len(through) == HOLD // 160


def test_a_gate_that_opens_lets_go_of_silence_only() -> None:
    gate = DigitGate(True)
    gate.mask(True)
    sound = dialled("5")
    passed(gate, packets(sound[:320]))
    assert rms_of(sound_of(gate.mask(False))) < -65
    assert passed(gate, packets(np.concatenate([sound[320:], dialled("6")])))[1][-1].digit == "6"


def test_a_digit_that_began_masked_is_not_told_when_it_ends() -> None:
    gate = DigitGate(True)
    gate.mask(True)
    sound = packets(np.concatenate([dialled("9")[:560], dialled("9")[:560], np.zeros(800, np.int16), dialled("3")]))
    passed(gate, sound[:5])
    gate.mask(False)
    assert [one.digit for one in passed(gate, sound[5:])[1]] == ["3"]


def test_masked_events_mean_nothing_to_their_end() -> None:
    gate = DigitGate(False)
    event = RtpPacket(101, True, 1, 1, 8000, bytes([5, 10, 0, 160]))
    assert gate.take(event, EVENTS, 0)[0] == [event]
    gate.mask(True)
    assert gate.take(event, EVENTS, 0)[0][0].payload == NO_DIGIT
    gate.mask(False)
    assert gate.take(event, EVENTS, 0)[0][0].payload == NO_DIGIT
    end = RtpPacket(101, False, 1, 3, 8000, bytes([5, 0x8A, 1, 64]))
    assert gate.take(end, EVENTS, 0) == ([replace(end, payload=NO_DIGIT)], [Found("5", 40)])
    later = RtpPacket(101, True, 1, 2, 16000, bytes([5, 10, 0, 160]))
    assert gate.take(later, EVENTS, 0)[0] == [later]


def test_another_codec_drives_out_what_is_held_and_passes() -> None:
    gate = DigitGate(False)
    gate.mask(True)
    passed(gate, packets(dialled("1")[:320]))
    opus = RtpPacket(96, False, 1, 9, 9, b"x")
    through, _ = gate.take(opus, OPUS, 0)
    assert through[-1] is opus
    assert rms_of(sound_of(through[:-1])) < -65


def test_packets_without_sound_are_not_held_for_ever() -> None:
    gate = DigitGate(False)
    gate.mask(True)
    empty = [RtpPacket(8, False, 1, number, 0, b"") for number in range(100)]
    assert len(passed(gate, empty)[0]) == 100 - MOST_HELD
