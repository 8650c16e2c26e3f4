import numpy as np
import numpy.typing as npt
import pytest

from relay.mixing.resample import PAST, TRIPLE_PAST, Halfband, Triple
from tests.support.tones import level_of, loudest_other, residue_of, rms_of, tone

Samples = npt.NDArray[np.int16]

HALFBAND = Halfband(160)
TRIPLE = Triple()


def up(sound: Samples) -> Samples:
    past, parts = np.zeros((1, PAST), np.float32), []
    for frame in sound.reshape(-1, 1, 160):
        out, past = HALFBAND.up(frame, past)
        parts.append(out[0])
    return np.concatenate(parts)


def down(sound: Samples) -> Samples:
    past, parts = np.zeros((1, 2 * PAST), np.float32), []
    for frame in sound.reshape(-1, 1, 320):
        out, past = HALFBAND.down(frame, past)
        parts.append(out[0])
    return np.concatenate(parts)


@pytest.mark.parametrize("freq", [200, 440, 1000, 3000, 3400])
def test_speech_passes_unchanged_both_ways(freq: int) -> None:
    wide = up(tone(freq, 1, 8000))[320:]
    narrow = down(tone(freq, 1, 16000))[160:]
    for sound, rate in ((wide, 16000), (narrow, 8000)):
        assert level_of(sound, rate, freq) == pytest.approx(-10, abs=0.1)
        assert residue_of(sound, rate, freq) < -60
        assert loudest_other(sound, rate, freq) < -60


@pytest.mark.parametrize("freq", [4600, 5500, 7500])
def test_what_8_khz_cannot_hold_is_not_folded_back(freq: int) -> None:
    assert rms_of(down(tone(freq, 1, 16000))[160:]) < -70


def test_delay_is_below_two_milliseconds() -> None:
    impulse = np.zeros(160, np.int16)
    impulse[50] = 10_000
    assert (np.argmax(up(impulse)) - 100) / 16 < 2
    impulse = np.zeros(320, np.int16)
    impulse[101] = 10_000
    assert (np.argmax(down(impulse)) - 50.5) / 8 < 2


def test_full_scale_does_not_wrap() -> None:
    square = np.where(np.arange(1600) // 40 % 2, 32767, -32768).astype(np.int16)
    wide = up(square)
    assert np.abs(np.diff(wide.astype(np.int32))).max() < 45_000
    assert wide.min() == -32768


def test_rows_do_not_touch_each_other() -> None:
    frames = np.stack([tone(440, 0.02, 8000), np.zeros(160, np.int16)])
    out, past = HALFBAND.up(frames, np.zeros((2, PAST), np.float32))
    assert not out[1].any()
    assert not past[1].any()


def to_full(sound: Samples) -> Samples:
    past, parts = np.zeros((1, TRIPLE_PAST[0]), np.float32), []
    for frame in sound.reshape(-1, 1, 320):
        out, past = TRIPLE.up(frame, past)
        parts.append(out[0])
    return np.concatenate(parts)


def from_full(sound: Samples) -> Samples:
    past, parts = np.zeros((1, TRIPLE_PAST[1]), np.float32), []
    for frame in sound.reshape(-1, 1, 960):
        out, past = TRIPLE.down(frame, past)
        parts.append(out[0])
    return np.concatenate(parts)


@pytest.mark.parametrize("freq", [200, 1000, 3400, 6000, 7000])
def test_wide_band_passes_unchanged_to_full_band_and_back(freq: int) -> None:
    full = to_full(tone(freq, 1, 16000))[960:]
    wide = from_full(tone(freq, 1, 48000))[320:]
    for sound, rate in ((full, 48000), (wide, 16000)):
        assert level_of(sound, rate, freq) == pytest.approx(-10, abs=0.1)
        assert residue_of(sound, rate, freq) < -60
        assert loudest_other(sound, rate, freq) < -60


@pytest.mark.parametrize("freq", [9000, 12000, 15000, 20000])
def test_what_16_khz_cannot_hold_is_not_folded_back(freq: int) -> None:
    assert rms_of(from_full(tone(freq, 1, 48000))[320:]) < -65


def test_full_band_comes_a_millisecond_late() -> None:
    impulse = np.zeros(320, np.int16)
    impulse[50] = 10_000
    assert (np.argmax(to_full(impulse)) - 150) / 48 < 1.01
    impulse = np.zeros(960, np.int16)
    impulse[150] = 10_000
    assert (np.argmax(from_full(impulse)) - 50) / 16 < 1.01
