"""The header of a stereo WAV file with 16-bit samples. Pure."""

import struct

CHANNELS = 2
SAMPLE = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_SIZE = _HEADER.size


def header(rate: int, frames: int) -> bytes:
    """The header of a file with `frames` samples a channel, of which `rate` make a second."""
    size = frames * CHANNELS * SAMPLE
    return _HEADER.pack(
        *(b"RIFF", HEADER_SIZE - 8 + size, b"WAVE"),
        *(b"fmt ", 16, 1, CHANNELS, rate, rate * CHANNELS * SAMPLE, CHANNELS * SAMPLE, 8 * SAMPLE),
        *(b"data", size),
    )
