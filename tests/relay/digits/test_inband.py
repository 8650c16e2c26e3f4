"""Digits in sound: all of them, at the edges of what Q.24 asks for, in noise; and none in speech."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import bench
import signaling
from relay.codecs import g711
from relay.digits.dtmf import FREQUENCIES
from relay.digits.inband import Found, InbandDetector
from relay.playing.soundfile import load

Samples = npt.NDArray[np.int16]
SILENCE = np.zeros(480, np.int16)


def digit(name: str, ms: float = 80, dbfs: float = -15, twist_db: float = 0, off: float = 0) -> Samples:
    """`twist_db`: how much louder the high tone is. `off`: of the frequency, in parts."""
    times = np.arange(round(8 * ms)) / 8000
    low, high = FREQUENCIES[name]
    peak = 32767 * 10 ** (dbfs / 20)
    sound = np.sin(2 * np.pi * low * (1 + off) * times + 1) * peak
    sound += np.sin(2 * np.pi * high * (1 + off) * times + 2) * peak * 10 ** (twist_db / 20)
    return sound.clip(-32768, 32767).astype(np.int16)


def found_in(*sounds: Samples, portion: int = 160) -> list[Found]:
    line = np.concatenate(sounds)
    law = g711.decode("PCMU", g711.encode("PCMU", line))
    detector = InbandDetector()
    return [found for at in range(0, len(law), portion) for found in detector.feed(law[at : at + portion])]


@pytest.mark.parametrize("portion", [80, 160, 240, 333])
def test_every_digit_is_found_once_with_its_length(portion: int) -> None:
    sounds = [sound for name in FREQUENCIES for sound in (SILENCE, digit(name))]
    found = found_in(*sounds, SILENCE, portion=portion)
    assert [one.digit for one in found] == list(FREQUENCIES)
    assert all(abs(one.duration_ms - 80) <= 20 for one in found)


@pytest.mark.parametrize("phase", range(0, 160, 37))
@pytest.mark.parametrize("name", ["1", "8", "D"])
def test_the_shortest_digits_are_found_wherever_they_begin(name: str, phase: int) -> None:
    assert [one.digit for one in found_in(SILENCE[:phase], digit(name, 45), SILENCE, digit(name, 45), SILENCE)] == [
        name
    ] * 2


@pytest.mark.parametrize(
    "how", [{"dbfs": -35}, {"dbfs": -6}, {"twist_db": 6}, {"twist_db": -6}, {"off": 0.015}, {"off": -0.015}], ids=str
)
def test_digits_at_the_edge_are_found(how: dict[str, float]) -> None:
    for name in FREQUENCIES:
        assert [one.digit for one in found_in(SILENCE, digit(name, **how), SILENCE)] == [name]


@pytest.mark.parametrize("how", [{"ms": 20}, {"dbfs": -55}, {"twist_db": 15}, {"off": 0.06}], ids=str)
def test_what_is_no_digit_is_none(how: dict[str, float]) -> None:
    for name in FREQUENCIES:
        assert found_in(SILENCE, digit(name, **how), SILENCE) == []


def test_digits_in_noise_are_found() -> None:
    noise = np.random.default_rng(3).normal(0, 600, 80 * 8 + 960).astype(np.int16)
    for name in FREQUENCIES:
        sound = np.concatenate([SILENCE, digit(name), SILENCE]) + noise
        assert [one.digit for one in found_in(sound)] == [name]


def test_a_tone_alone_is_no_digit() -> None:
    for frequency in (440, 697, 770, 1209, 1477):
        times = np.arange(8000) / 8000
        assert found_in((8000 * np.sin(2 * np.pi * frequency * times)).astype(np.int16)) == []


@pytest.mark.parametrize("speed", [0.8, 0.9, 1.0, 1.1, 1.25])
def test_speech_and_music_have_no_digits(speed: float) -> None:
    """The voice at five pitches, and music."""
    voice = load(Path(bench.__file__).parent / "sounds" / "voice.flac", round(8000 * speed))
    music = load(Path(signaling.__file__).parent / "sounds" / "hold.flac", round(8000 * speed))
    assert found_in(voice) == []
    assert found_in(music) == []
