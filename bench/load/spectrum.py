"""Which tones are in a sound. Pure."""

from typing import Any

import numpy as np
import numpy.typing as npt

_NEAR_HZ = 1.5
_PEAK, _BESIDE = 5.0, 40
"""So many times what is usual in so many bins to either side."""


class Spectrum:
    """Of the whole seconds at the beginning of a sound; levels are peaks of tones, as samples have them."""

    def __init__(self, sound: npt.NDArray[Any], rate: int) -> None:
        self.seconds = len(sound) // rate
        part = sound[: self.seconds * rate].astype(np.float64)
        window = np.hanning(len(part))
        self._levels = np.abs(np.fft.rfft(part * window)) / (window.sum() / 2) if len(part) else part
        self._near = max(1, round(min(_NEAR_HZ, 2 / max(1, self.seconds)) * self.seconds))

    def level(self, tone: int) -> float:
        """0 where there is less than a second of sound."""
        return float(self._around(tone, self._near).max()) if self.seconds else 0.0

    def holds(self, tone: int, least: float) -> bool:
        """Whether a tone is there that does not belong: loud enough, and a peak. A stream with holes smears its own
        tone over those beside it, but makes no peaks."""
        level = self.level(tone)
        return level > least and level > _PEAK * float(np.median(self._around(tone, _BESIDE)))

    def _around(self, tone: int, bins: int) -> npt.NDArray[np.float64]:
        at = tone * self.seconds
        return self._levels[max(0, at - bins) : at + bins + 1]
