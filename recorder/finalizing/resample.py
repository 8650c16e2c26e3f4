"""Changes of sampling, all by windowed sinc. Pure."""

import functools

import numpy as np
from numpy.typing import NDArray

REACH = 24
"""How many samples to each side count."""
_BETA = 8.0


def _half_sample() -> NDArray[np.float64]:
    distance = np.arange(-REACH, REACH) + 0.5
    taps = np.sinc(distance) * np.kaiser(2 * REACH, _BETA)
    return np.asarray(taps / taps.sum())


_HALF_SAMPLE = _half_sample()


def double(samples: NDArray[np.int32]) -> NDArray[np.float64]:
    """Twice the rate: for REACH + n + REACH samples, the 2n that belong to the middle n. Half-band: each sample is
    kept."""
    middle = samples[REACH:-REACH]
    doubled = np.empty(2 * len(middle))
    doubled[0::2] = middle
    doubled[1::2] = np.convolve(samples[1:], _HALF_SAMPLE, "valid")
    return doubled


def stretch(samples: NDArray[np.int16], count: int) -> NDArray[np.int16]:
    """The same sound in a few samples more or less; the first and the last sample stay."""
    if len(samples) < 2 or count < 2:
        return np.resize(samples, count)
    where, weights = _weights(len(samples), count)
    stretched: NDArray[np.float32] = np.einsum("ij,ij->i", samples[where].astype(np.float32), weights)
    return np.clip(np.rint(stretched), -32768, 32767).astype(np.int16)


@functools.lru_cache(maxsize=16)
def _weights(have: int, want: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Which samples count for each of the new ones, and how much: 2 * REACH of them."""
    at = np.linspace(0, have - 1, want)[:, None]
    where = np.floor(at).astype(np.int32) + np.arange(1 - REACH, REACH + 1, dtype=np.int32)
    inside = np.maximum(0.0, 1 - ((at - where) / REACH) ** 2)
    inside[(where < 0) | (where >= have)] = 0.0
    weights = np.sinc(at - where) * np.i0(_BETA * np.sqrt(inside)) * (inside > 0)
    return where.clip(0, have - 1), np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
