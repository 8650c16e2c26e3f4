"""G.722 at 64 kbit/s to linear 16-bit samples at 16 kHz, by FFmpeg (ITU-T G.722)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 16000
LOOKAHEAD_SECONDS = 22 / RATE
"""By which the filter banks of encoder and decoder hold the sound back."""


class G722Decoder:
    """Decodes one stream, packet after packet; a state goes on from each to the next."""

    def __init__(self) -> None:
        import av  # a fifth of the finalizer's memory, and seldom needed

        context: Any = av.CodecContext.create("g722", "r")
        context.sample_rate = RATE
        context.layout = "mono"
        self._context = context
        self._packet: Any = av.Packet

    def decode(self, payload: bytes) -> NDArray[np.int16]:
        """Two samples of each octet."""
        frames = self._context.decode(self._packet(payload)) if payload else []
        return np.concatenate([np.zeros(0, np.int16), *(frame.to_ndarray()[0] for frame in frames)])
