import numpy as np
import pytest

from relay.codecs.noise import INAUDIBLE_DBOV, NoiseSource, parse
from relay.streams.malformed import NoiseError


@pytest.mark.parametrize(
    "payload", [b"\x1e", b"\x1e\x7f", b"\x1e\xb4\x5a\x80", b"\x1e" + b"\xa0" * 12, b"\x1e" + b"\xff" * 30]
)
def test_level_is_as_described_whatever_the_spectrum(payload: bytes) -> None:
    sound = NoiseSource(parse(payload)).frame(16_000).astype(np.float64)
    assert 20 * np.log10(np.sqrt(np.mean(sound**2)) / 32768) == pytest.approx(-30, abs=2)


def test_a_reflection_shapes_the_spectrum() -> None:
    def low_part(payload: bytes) -> float:
        power = np.abs(np.fft.rfft(NoiseSource(parse(payload)).frame(8_000))) ** 2
        return float(power[:1000].sum() / power.sum())

    # RFC 3389 §3.2: 127 is zero; a first coefficient below zero leans to low frequencies.
    assert low_part(b"\x1e\x10") > 0.6
    assert low_part(b"\x1e\x7f") == pytest.approx(0.25, abs=0.03)
    assert low_part(b"\x1e\xf0") < 0.1


def test_frames_follow_each_other_without_a_step() -> None:
    parts = NoiseSource(parse(b"\x1e\x10"), seed=4)
    whole = NoiseSource(parse(b"\x1e\x10"), seed=4).frame(640)
    assert (np.concatenate([parts.frame(160) for _ in range(4)]) == whole).all()


def test_very_faint_noise_is_no_sound() -> None:
    assert not NoiseSource(parse(bytes([-INAUDIBLE_DBOV + 1]))).audible
    assert NoiseSource(parse(bytes([-INAUDIBLE_DBOV]))).audible


def test_an_empty_payload_is_refused() -> None:
    with pytest.raises(NoiseError):
        parse(b"")
