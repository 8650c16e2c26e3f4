"""G.711 to linear 16-bit samples, by table (ITU-T G.711). Pure."""

import numpy as np
from numpy.typing import NDArray


def _mu_law() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.asarray(np.where(code & 0x80, -magnitude, magnitude), np.int16)


def _a_law() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code & 0x70) >> 4
    mantissa = ((code & 0x0F) << 4) + np.where(segment, 0x108, 8)
    magnitude = mantissa << np.maximum(segment - 1, 0)
    return np.asarray(np.where(code & 0x80, magnitude, -magnitude), np.int16)


MU_LAW = _mu_law()
A_LAW = _a_law()
