"""What a caller says: a tone, a sound file, the built-in voice, or nothing."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import av
import numpy as np

from bench.call.codecs import Samples
from bench.call.errors import BadArgument

VOICE = Path(__file__).parent.parent / "sounds" / "voice.flac"
TONE_PEAK = 8000


class Source(Protocol):
    def take(self, count: int) -> Samples:
        """The next samples, silence when there are no more."""


class Silence:
    def take(self, count: int) -> Samples:
        return np.zeros(count, np.int16)


class Tone:
    """A sine of `frequency` Hz that never jumps in phase."""

    def __init__(self, frequency: float, rate: int, peak: int = TONE_PEAK) -> None:
        self._step = 2 * np.pi * frequency / rate
        self._phase = 0.0
        self._peak = peak

    def take(self, count: int) -> Samples:
        phases = self._phase + self._step * np.arange(count)
        self._phase = (self._phase + self._step * count) % (2 * np.pi)
        wave: Samples = np.rint(self._peak * np.sin(phases)).astype(np.int16)
        return wave


class Clip:
    """Samples from memory, once or again and again."""

    def __init__(self, samples: Samples, loop: bool) -> None:
        self._samples = samples
        self._loop = loop and len(samples) > 0
        self._at = 0

    def take(self, count: int) -> Samples:
        out = np.zeros(count, np.int16)
        done = 0
        while done < count and self._at < len(self._samples):
            part = self._samples[self._at : self._at + count - done]
            out[done : done + len(part)] = part
            done += len(part)
            self._at += len(part)
            if self._loop and self._at == len(self._samples):
                self._at = 0
        return out


def read_sound(path: Path, rate: int) -> Samples:
    """A file of any format that FFmpeg knows, as mono at `rate`. Raises BadArgument."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise BadArgument(f"{path} has no sound in it: give an audio file")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
            frames = [
                piece.to_ndarray().reshape(-1)
                for frame in container.decode(audio=0)
                for piece in resampler.resample(frame)
            ]
            frames += [piece.to_ndarray().reshape(-1) for piece in resampler.resample(None)]
    except (OSError, av.FFmpegError) as error:
        raise BadArgument(f"cannot read {path}: {error.strerror or error}") from None
    return np.concatenate(frames).astype(np.int16) if frames else np.zeros(0, np.int16)


@lru_cache(maxsize=4)
def _read_voice(rate: int) -> Samples:
    return read_sound(VOICE, rate)


def voice(rate: int) -> Source:
    """The built-in sentence, again and again."""
    return Clip(_read_voice(rate), loop=True)


def silence(rate: int) -> Source:
    return Silence()


def tone(frequency: float) -> Callable[[int], Source]:
    """For a caller's `sound`."""
    return lambda rate: Tone(frequency, rate)


def file(path: Path, loop: bool = True) -> Callable[[int], Source]:
    """For a caller's `sound`. Raises BadArgument at once when the file cannot be read."""
    read_sound(path, 8000)
    return lambda rate: Clip(read_sound(path, rate), loop)
