"""G.722 at 64 kbit/s (ITU-T G.722, RFC 3551 §4.5.2) by FFmpeg: two samples at 16 kHz in an octet, with a state.

The RTP clock is 8000 Hz though the sound has 16,000 samples a second, by an old slip that cannot be mended.
"""

from fractions import Fraction
from typing import Final, Literal

import av
import numpy as np
import numpy.typing as npt

from relay.streams.malformed import G722Error

Samples = npt.NDArray[np.int16]

RATE: Final = 16_000
SAMPLES_PER_OCTET: Final = 2
DELAY_SAMPLES: Final = 22
"""By which the two filter banks, the encoder's and the decoder's, hold the sound back."""


class Encoder:
    """One stream's encoder."""

    def __init__(self) -> None:
        self._context = _context("w")
        self._context.format = av.AudioFormat("s16")
        self._context.time_base = Fraction(1, RATE)
        self._at = 0

    def encode(self, samples: Samples) -> bytes:
        """Half as many octets as samples, of which there must be an even number."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = self._at
        self._at += len(samples)
        return b"".join(map(bytes, self._context.encode(frame)))


class Decoder:
    """One stream's decoder. Any octets are sound to it."""

    rate: Final = RATE

    def __init__(self) -> None:
        self._context = _context("r")

    def decode(self, payload: bytes) -> Samples:
        """The sound of a packet. Raises G722Error."""
        if not payload:
            raise G722Error("an empty packet")
        try:
            frames = self._context.decode(av.Packet(payload))
        except av.FFmpegError:
            raise G722Error("the packet cannot be decoded") from None
        return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def _context(mode: Literal["r", "w"]) -> av.AudioCodecContext:
    context = av.CodecContext.create("g722", mode)
    context.sample_rate = RATE
    context.layout = "mono"
    return context
