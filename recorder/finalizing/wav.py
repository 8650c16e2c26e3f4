"""The header of a WAV file with 16-bit samples. Pure."""

import struct

SAMPLE = 2
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_SIZE = _HEADER.size
MAX_SIZE = 0xFFFFFFFF
"""What stands for a length that has no room, some 18 hours of it; players read on to the end of the file."""


def header(rate: int, channels: int, frames: int) -> bytes:
    """The header of a file with `frames` samples a channel, of which `rate` make a second."""
    block = channels * SAMPLE
    size = frames * block
    return _HEADER.pack(
        *(b"RIFF", min(HEADER_SIZE - 8 + size, MAX_SIZE), b"WAVE"),
        *(b"fmt ", 16, 1, channels, rate, rate * block, block, 8 * SAMPLE),
        *(b"data", min(size, MAX_SIZE)),
    )
