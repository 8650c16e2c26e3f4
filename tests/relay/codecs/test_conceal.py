import numpy as np
import pytest

from relay.codecs.conceal import HISTORY_MS, Concealment, crossfade
from tests.support.tones import level_of, tone

STEP_LIMIT = 1.3


def steepest(sound: np.ndarray[tuple[int], np.dtype[np.int16]]) -> int:
    return int(np.abs(np.diff(sound.astype(np.int32))).max())


@pytest.mark.parametrize("freq", [100, 153, 200, 400])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_gap_in_a_tone_is_filled_with_the_tone(freq: int, rate: int) -> None:
    sound = tone(freq, 0.2, rate)
    begin, frame = rate // 10, rate // 50
    gap = Concealment(sound[:begin], rate)
    filled = np.concatenate([sound[:begin], gap.frame(frame), gap.join(sound[begin + frame : begin + 2 * frame])])
    assert steepest(filled) < STEP_LIMIT * steepest(sound)
    assert level_of(filled[begin : begin + frame], rate, freq) == pytest.approx(-10, abs=2)


def test_a_long_gap_fades_to_nothing() -> None:
    gap = Concealment(tone(200, 0.2, 8000), 8000)
    peaks = [int(np.abs(gap.frame(160)).max()) for _ in range(5)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[3:] == [0, 0]


@pytest.mark.parametrize("length", [0, 1, 100, 8 * HISTORY_MS, 2000])
def test_any_length_of_past_will_do(length: int) -> None:
    gap = Concealment(np.full(length, 5, np.int16), 8000)
    assert len(gap.frame(160)) == 160
    assert len(gap.join(np.zeros(7, np.int16))) == 7


def test_a_crossfade_begins_with_one_and_ends_with_the_other() -> None:
    joined = crossfade(np.full(160, 1000, np.int16), np.zeros(160, np.int16))
    assert joined[0] > 950
    assert not joined[32:].any()
