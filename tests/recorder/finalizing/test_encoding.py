"""What a sound is written as, read by FFmpeg, which knows nothing of how we write."""

import io
from typing import Any

import av
import numpy as np
import pytest

from recorder.api import Format
from recorder.finalizing.encoding import Shape, make_encoder
from tests.support.tones import Samples, level_of, rms_of, tone

SECONDS = 7.03
BLOCK = 5.0


def written(sound: Samples, rate: int, format: Format) -> bytes:
    """The sound, of (samples, channels), in blocks as the finalizer writes it."""
    encoder = make_encoder(format, Shape(rate, sound.shape[1], len(sound)))
    step = round(BLOCK * rate)
    blocks = [encoder.encode(sound[at : at + step]) for at in range(0, len(sound), step)]
    return b"".join((encoder.begin(), *blocks, encoder.finish()))


def read(data: bytes, rate: int) -> Samples:
    """As (samples, channels) at this rate."""
    with av.open(io.BytesIO(data), "r") as container:
        stream: Any = container.streams.audio[0]
        layout = "stereo" if stream.channels == 2 else "mono"
        resampler = av.AudioResampler("s16", layout, rate)
        frames: Any = [*container.decode(stream), None]
        pieces = [made.to_ndarray() for frame in frames for made in resampler.resample(frame)]
    return np.asarray(np.concatenate(pieces, axis=1).reshape(-1, stream.channels), np.int16)


def stereo(rate: int) -> Samples:
    return np.stack((tone(440.0, SECONDS, rate), tone(700.0, SECONDS, rate)), axis=1)


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("format", ["wav", "flac"])
def test_what_loses_nothing_loses_nothing(format: Format, rate: int) -> None:
    sound = stereo(rate)
    assert np.array_equal(read(written(sound, rate, format), rate), sound)
    assert np.array_equal(read(written(sound[:, :1], rate, format), rate), sound[:, :1])


def test_a_player_knows_the_length_from_the_beginning() -> None:
    for format in ("wav", "flac", "opus"):
        with av.open(io.BytesIO(written(stereo(8000), 8000, format)), "r") as container:
            assert container.duration is not None
            assert container.duration / 1e6 == pytest.approx(SECONDS, abs=0.01)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_opus_keeps_the_sides_apart_and_in_time(rate: int) -> None:
    """Half a side is silent, and silence is what comes out of it; a click is where it was, to a millisecond."""
    sound = stereo(rate)
    sound[: len(sound) // 2, 1] = 0
    click = rate * 6
    sound[click - 800 : click + 800] = 0
    sound[click] = 20000
    heard = read(written(sound, rate, "opus"), rate)
    assert len(heard) == len(sound)
    assert level_of(heard[: rate * 3, 0], rate, 440) == pytest.approx(-10, abs=1)
    assert rms_of(heard[rate // 10 : rate * 3, 1]) < -75
    assert level_of(heard[rate * 4 : rate * 5, 1], rate, 700) == pytest.approx(-10, abs=1)
    assert level_of(heard[rate * 4 : rate * 5, 1], rate, 440) < -70
    for side in (0, 1):
        loudest = int(np.argmax(np.abs(heard[click - 700 : click + 700, side].astype(int)))) - 700
        assert abs(loudest) <= rate // 1000


def test_the_same_sound_is_the_same_bytes() -> None:
    for format in ("wav", "flac", "opus"):
        assert written(stereo(8000), 8000, format) == written(stereo(8000), 8000, format)


@pytest.mark.parametrize("format", ["wav", "flac", "opus"])
def test_a_sound_of_nothing_is_a_file(format: Format) -> None:
    made = written(np.zeros((0, 2), np.int16), 8000, format)
    with av.open(io.BytesIO(made), "r") as container:
        assert len(container.streams.audio) == 1


def test_a_sound_of_days_has_a_header() -> None:
    assert make_encoder("wav", Shape(16000, 2, 16000 * 48 * 3600)).begin()[40:44] == b"\xff" * 4


def test_pages_of_noise_are_cut_before_they_are_too_long() -> None:
    noise = np.random.default_rng(3).integers(-30000, 30000, (16000 * 3, 2)).astype(np.int16)
    assert len(read(written(noise, 16000, "opus"), 16000)) == len(noise)
