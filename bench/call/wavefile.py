"""Writes 16-bit mono WAV files."""

import wave
from pathlib import Path

from bench.call.codecs import Samples
from bench.call.errors import CallError


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Raises CallError when the file cannot be written."""
    try:
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes(samples.astype("<i2").tobytes())
    except OSError as error:
        raise CallError(f"the recording {path} cannot be written: {error.strerror}") from None
