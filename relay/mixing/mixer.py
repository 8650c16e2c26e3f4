"""Sums of sources at their gains, all mixes of a rate in a few numpy calls. Pure.

Sums are float32: as long as gains are one they are exact up to 512 sources of full scale. Nothing wraps: what goes
beyond the knee is bent so that it never reaches full scale. One source at a gain of at most one is passed on as it is.
"""

import numpy as np
import numpy.typing as npt

from relay.mixing.hearing import Mixes

Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

KNEE = 24576.0
"""Three quarters of full scale, -2.5 dBFS."""
FULL_SCALE = 32767.0


def mix(frames: Samples, mixes: Mixes) -> Samples:
    """int16[mixes, n] of the sources' int16[rows, n]."""
    if not len(mixes.starts):
        return np.zeros((0, frames.shape[1]), np.int16)
    if not mixes.scaled and len(mixes.starts) == len(mixes.sources):
        return frames[mixes.sources]
    heard = frames[mixes.sources] * mixes.gains[:, None] if mixes.scaled else frames[mixes.sources]
    sums = np.add.reduceat(heard, mixes.starts, axis=0, dtype=np.float32)
    if len(mixes.loud) == len(sums):
        sums = soft_clip(sums)
    elif len(mixes.loud):
        sums[mixes.loud] = soft_clip(sums[mixes.loud])
    return np.rint(sums).astype(np.int16)


def soft_clip(values: Floats) -> Floats:
    """Values as they are up to the knee, from there bent towards full scale, without a corner."""
    over = np.abs(values) > KNEE
    if not over.any():
        return values
    bent = values.copy()
    room = FULL_SCALE - KNEE
    excess = np.abs(values[over]) - KNEE
    bent[over] = np.sign(values[over]) * (KNEE + room * np.tanh(excess / room))
    return bent
