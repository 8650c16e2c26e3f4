"""8 <-> 16 <-> 48 kHz for many streams at once. Pure.

8 <-> 16 kHz is one half-band filter in two phases.
59 taps at 16 kHz delay the sound by 29/16 ms (1.8 ms). Up to 3.4 kHz nothing changes; from 4.6 kHz on what must not be
there (images going up, aliases going down) is 65 dB down. Every second tap of a half-band filter is zero and the
middle one a half, so one phase is a plain delay and the other a product with one small banded matrix.

16 <-> 48 kHz is a filter of 95 taps in three phases, 1 ms late: up to 7 kHz nothing changes, from 9 kHz on what must
not be there is 60 dB down. It is rare, and windows of the line times the taps are quick enough.
"""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

NARROW, WIDE, FULL = 8000, 16000, 48000
RATES = (NARROW, WIDE, FULL)
"""At which sound is decoded, mixed and encoded, Hz."""

_TAPS = 59
_BETA = 6.5
_PHASE = (_TAPS + 1) // 2
"""Taps of the phase that is not a delay: 30, symmetrical."""
_DELAY = (_TAPS - 3) // 4
"""Of the other phase, in samples at 8 kHz: 14, and the middle tap itself."""
PAST = _PHASE - 1
"""Samples at 8 kHz that a stream remembers of each phase."""

_TRIPLE_TAPS = 95
_TRIPLE_BETA = 6.0
TRIPLE_PAST = (_TRIPLE_TAPS + 1) // 3 - 1, _TRIPLE_TAPS - 1
"""Samples that a stream remembers: at 16 kHz going up, at 48 kHz going down."""


def _phase_taps() -> npt.NDArray[np.float64]:
    at = np.arange(_TAPS) - (_TAPS - 1) / 2
    taps = 0.5 * np.sinc(at / 2) * np.kaiser(_TAPS, _BETA)
    phase: npt.NDArray[np.float64] = taps[0::2]
    return phase / (2 * float(phase.sum()))


def _banded(samples: int) -> Floats:
    """The matrix that turns PAST + samples inputs into `samples` filtered ones."""
    matrix = np.zeros((PAST + samples, samples), np.float32)
    taps = _phase_taps()
    for column in range(samples):
        matrix[column : column + _PHASE, column] = taps
    return matrix


class Halfband:
    """Converts frames of `samples` at 8 kHz to twice as many at 16 kHz and back. It keeps no stream's past itself."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._matrix = _banded(samples)

    def up(self, frames: Samples, past: Floats) -> tuple[Samples, Floats]:
        """int16[n, samples] and their past[n, PAST] -> int16[n, 2 samples] and the new past."""
        line = np.concatenate([past, frames], axis=1, dtype=np.float32)
        out = np.empty((len(frames), 2 * self._samples), np.float32)
        out[:, 0::2] = 2 * (line @ self._matrix)
        out[:, 1::2] = line[:, PAST - _DELAY : PAST - _DELAY + self._samples]
        return _rounded(out), line[:, self._samples :].copy()

    def down(self, frames: Samples, past: Floats) -> tuple[Samples, Floats]:
        """int16[n, 2 samples] and their past[n, 2 PAST] -> int16[n, samples] and the new past."""
        line = np.concatenate([past, frames], axis=1, dtype=np.float32)
        filtered = line[:, 0::2] @ self._matrix
        delayed = line[:, 2 * (PAST - _DELAY) - 1 :: 2][:, : self._samples]
        return _rounded(filtered + 0.5 * delayed), line[:, 2 * self._samples :].copy()


class Triple:
    """Converts frames at 16 kHz to three times as many samples at 48 kHz and back. It keeps no stream's past itself."""

    def __init__(self) -> None:
        at = np.arange(_TRIPLE_TAPS) - (_TRIPLE_TAPS - 1) / 2
        taps = np.sinc(at / 3) * np.kaiser(_TRIPLE_TAPS, _TRIPLE_BETA)
        self._down = (taps / taps.sum()).astype(np.float32)
        # Phase p of what goes up is made by every third tap from p on, the newest sample by the first of them.
        phases = np.append(taps, 0.0).reshape(-1, 3)[::-1]
        self._up = (phases / phases.sum(axis=0)).astype(np.float32)

    def up(self, frames: Samples, past: Floats) -> tuple[Samples, Floats]:
        """int16[n, samples] and their past[n, TRIPLE_PAST[0]] -> int16[n, 3 samples] and the new past."""
        line = np.concatenate([past, frames], axis=1, dtype=np.float32)
        out = sliding_window_view(line, len(self._up), axis=1) @ self._up
        return _rounded(out.reshape(len(frames), -1)), line[:, frames.shape[1] :].copy()

    def down(self, frames: Samples, past: Floats) -> tuple[Samples, Floats]:
        """int16[n, 3 samples] and their past[n, TRIPLE_PAST[1]] -> int16[n, samples] and the new past."""
        line = np.concatenate([past, frames], axis=1, dtype=np.float32)
        out = sliding_window_view(line, _TRIPLE_TAPS, axis=1)[:, ::3] @ self._down
        return _rounded(out), line[:, frames.shape[1] :].copy()


def _rounded(values: Floats) -> Samples:
    return np.clip(np.rint(values), -32768, 32767).astype(np.int16)
