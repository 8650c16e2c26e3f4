"""Digits in sound (ITU-T Q.23, Q.24): Goertzel's eight values of each 20 ms, every 10 ms. Pure.

A digit is there when one low and one high tone stand out of their groups, are about equally loud, and are most of all
that is heard, for long enough. Speech has moments of the first two; it seldom is two pure tones, and never for long.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from relay.digits.dtmf import FREQUENCIES

Samples = npt.NDArray[np.int16]

RATE = 8000
BLOCK, HOP = 160, 80
LEAST_LEVEL = 260.0
"""-42 dBFS: the faintest tone that counts, as its peak."""
TWIST = 8.0
"""9 dB in power: how much louder one of the two may be."""
LEAD = 4.0
"""6 dB in power over the others of its group."""
SHARE = 0.5
"""Of all power. Less than one would think: a tone 1.5 % off its frequency gives half of its power (Q.24)."""
BEGIN_HOPS, END_HOPS = 3, 3
"""So many in a row say that a digit is there, or over: 40 ms, the least that Q.24 asks for."""
ONSET_MS = 60
"""A digit is found at most this long after it began, when sound comes in packets of 20 ms."""

_BY_TONES = {tones: digit for digit, tones in FREQUENCIES.items()}
_LOW = sorted({low for low, _ in FREQUENCIES.values()})
_HIGH = sorted({high for _, high in FREQUENCIES.values()})
_DIGITS = [[_BY_TONES[low, high] for high in _HIGH] for low in _LOW]
# Goertzel's recurrence ends in the block's product with one complex tone; for all blocks and tones it is one matrix.
_BASIS = np.exp(-2j * np.pi * np.outer(np.arange(BLOCK), [*_LOW, *_HIGH]) / RATE).astype(np.complex64) * (2 / BLOCK)


class Found(msgspec.Struct, frozen=True):
    """A digit that has ended."""

    digit: str
    duration_ms: int


class InbandDetector:
    """The sound of one leg at 8 kHz, in any portions."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.int16)
        self._digit = ""
        self._candidate = ""
        self._hops = 0
        self._misses = 0

    @property
    def sounding(self) -> bool:
        """Whether there is a digit now."""
        return bool(self._digit)

    def feed(self, samples: Samples) -> list[Found]:
        """The digits that ended in this sound."""
        sound = np.concatenate([self._rest, samples])
        blocks = max(0, (len(sound) - BLOCK) // HOP + 1)
        self._rest = sound[blocks * HOP :]
        if not blocks:
            return []
        windows = np.lib.stride_tricks.sliding_window_view(sound, BLOCK)[::HOP].astype(np.float32)
        return [found for digit in digits_of(windows) for found in self._step(digit)]

    def _step(self, digit: str) -> list[Found]:
        if self._digit:
            return self._within(digit)
        self._hops = self._hops + 1 if digit and digit == self._candidate else 1
        self._candidate = digit
        if digit and self._hops >= BEGIN_HOPS:
            self._digit, self._misses = digit, 0
        return []

    def _within(self, digit: str) -> list[Found]:
        if digit == self._digit:
            self._hops += 1 + self._misses
            self._misses = 0
            return []
        self._misses += 1
        if self._misses < END_HOPS:
            return []
        found = Found(self._digit, self._hops * HOP * 1000 // RATE)
        self._digit, self._candidate, self._hops = "", digit, 1
        return [found]


def digits_of(windows: npt.NDArray[np.float32]) -> list[str]:
    """float32[n, BLOCK]: for each the digit that it could be part of, or nothing."""
    power = np.abs(windows @ _BASIS) ** 2
    total = 2 * np.mean(windows**2, axis=1)
    return [_digit_of(tones, whole) for tones, whole in zip(power.tolist(), total.tolist(), strict=True)]


def _digit_of(power: list[float], total: float) -> str:
    low, high = power[:4], power[4:]
    first, second = max(low), max(high)
    if min(first, second) < LEAST_LEVEL**2 or first + second < SHARE * total:
        return ""
    if first > TWIST * second or second > TWIST * first:
        return ""
    if sum(LEAD * value > first for value in low) > 1 or sum(LEAD * value > second for value in high) > 1:
        return ""
    return _DIGITS[low.index(first)][high.index(second)]
