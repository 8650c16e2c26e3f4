"""L16: samples as they are, most significant octet first (RFC 3551 §4.5.11). Pure."""

import numpy as np
import numpy.typing as npt

from relay.streams.malformed import L16Error

Samples = npt.NDArray[np.int16]

RATES = (8000, 16000)
"""Of the clock and of the samples, which is the same."""
OCTETS_PER_SAMPLE = 2


def decode(payload: bytes) -> Samples:
    """Samples of one payload. Raises L16Error."""
    if len(payload) % OCTETS_PER_SAMPLE:
        raise L16Error("half a sample at the end")
    return np.frombuffer(payload, ">i2").astype(np.int16)


def encode(samples: Samples) -> bytes:
    """A payload of samples."""
    return samples.astype(">i2").tobytes()
