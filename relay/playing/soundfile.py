"""Sound files into memory by PyAV: WAV, FLAC, Ogg, MP3 and whatever else FFmpeg reads. Blocking: not for the loop."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

MAX_SECONDS = 30 * 60
"""A longer file is refused: it would be 58 MB in memory at 16 kHz."""


class SoundFileError(ValueError):
    """The file cannot be played. The text says why, without its path."""


def load(path: str | Path, rate: int) -> Samples:
    """All of a file's first sound track as mono samples at `rate` Hz. Takes a while; raises SoundFileError."""
    try:
        with av.open(str(path), mode="r") as container:
            return _decode(container, rate)
    except (OSError, av.FFmpegError) as error:
        raise SoundFileError(f"the sound file cannot be read: {type(error).__name__}") from error


def _decode(container: av.container.InputContainer, rate: int) -> Samples:
    if not container.streams.audio:
        raise SoundFileError("the file has no sound in it")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
    parts: list[Samples] = []
    length = 0
    for frame in _with_end(container.decode(audio=0)):
        for converted in resampler.resample(frame):
            parts.append(converted.to_ndarray().reshape(-1).astype(np.int16, copy=False))
            length += len(parts[-1])
        if length > MAX_SECONDS * rate:
            raise SoundFileError("the file is too long")
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def _with_end(frames: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame | None]:
    """The frames, and the sign that makes the resampler give what it holds back."""
    yield from frames
    yield None
