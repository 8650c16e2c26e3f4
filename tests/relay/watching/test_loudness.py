import numpy as np
import pytest

from relay.codecs import g711, opus
from relay.formats import Codec
from relay.watching.loudness import SILENT_PEAK, is_sounding

OPUS = Codec("opus", 48000, 2)
NOISE = np.random.default_rng(1).normal(0, 1, 16000)


@pytest.mark.parametrize(("level", "sounding"), [(0.0, False), (3.0, False), (100.0, True), (3000.0, True)])
def test_noise_is_a_sound_and_digital_silence_is_none(level: float, sounding: bool) -> None:
    samples = (NOISE * level).astype(np.int16)
    for law in g711.LAWS:
        assert is_sounding(Codec(law), g711.encode(law, samples[:160]).tobytes()) == sounding
    encoder = opus.Encoder(16000, 24000)
    packets = [encoder.encode(samples[at : at + 320]) for at in range(0, 16000, 320)]
    assert is_sounding(OPUS, packets[-1]) == sounding


def test_what_is_no_sound() -> None:
    assert not is_sounding(Codec("CN"), b"\x30")
    assert not is_sounding(Codec("telephone-event"), bytes(4))
    assert not is_sounding(Codec("PCMU"), b"")
    assert not is_sounding(OPUS, b"")
    assert not is_sounding(OPUS, b"\xff\xff\xff")


def test_an_octet_that_sounds_is_enough() -> None:
    for law in g711.LAWS:
        levels = np.abs(g711.decode(law, np.arange(256, dtype=np.uint8)).astype(int))
        for octet in range(256):
            payload = g711.silence(law, 159) + bytes([octet])
            assert is_sounding(Codec(law), payload) == (levels[octet] > SILENT_PEAK)
