import numpy as np
import pytest

from relay.codecs import g722
from relay.streams.malformed import G722Error
from tests.support.tones import level_of, residue_of, tone


def through(sound: np.ndarray[tuple[int], np.dtype[np.int16]], cut: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    octets, decoder = g722.Encoder().encode(sound), g722.Decoder()
    return np.concatenate([decoder.decode(octets[at : at + cut]) for at in range(0, len(octets), cut)])


@pytest.mark.parametrize("pitch", [300, 1000, 3400, 6500])
def test_sound_of_both_bands_comes_through(pitch: int) -> None:
    heard = through(tone(pitch, 1.0, 16000), 160)
    assert len(heard) == 16000
    assert level_of(heard[1600:], 16000, pitch) == pytest.approx(-10, abs=0.5)
    assert residue_of(heard[1600:], 16000, pitch) < -20


@pytest.mark.parametrize("cut", [1, 79, 80, 240, 480])
def test_octets_may_be_cut_anywhere(cut: int) -> None:
    sound = tone(700, 0.2, 16000)
    assert np.array_equal(through(sound, cut), through(sound, 160))


def test_the_delay_is_as_said() -> None:
    sound = np.random.default_rng(1).normal(0, 3000, 16000).astype(np.int16)
    heard = through(sound, 160).astype(np.float64)
    likeness = np.correlate(heard[:9000], sound[1000:8000].astype(np.float64), "valid")
    assert int(np.argmax(likeness)) - 1000 == g722.DELAY_SAMPLES


def test_nothing_is_no_packet() -> None:
    with pytest.raises(G722Error):
        g722.Decoder().decode(b"")
