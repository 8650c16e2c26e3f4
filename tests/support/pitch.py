"""Which of some tones sound in a piece of audio."""

import numpy as np
from numpy.typing import NDArray


def strength(samples: NDArray[np.int16], rate: int, frequency: float) -> float:
    """The part of the power that is at the frequency, 0 to 1."""
    wave = samples.astype(np.float64)
    wave -= wave.mean()
    power = float(np.mean(wave**2))
    if power == 0:
        return 0.0
    turns = np.exp(-2j * np.pi * frequency * np.arange(len(wave)) / rate)
    return float(2 * abs(np.mean(wave * turns)) ** 2 / power)
