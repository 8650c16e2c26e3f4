"""The outline of a sound, for a player to draw. Pure."""

import numpy as np
from numpy.typing import NDArray

from recorder.finalizing.manifest import PEAKS_PER_SECOND, Peaks

_SHIFT = 8


class PeakMeter:
    """Notes the loudest sample of each stretch while the sound passes by in blocks of whole stretches."""

    def __init__(self, rate: int) -> None:
        self._stretch = rate // PEAKS_PER_SECOND
        self._left, self._right = bytearray(), bytearray()

    def see(self, left: NDArray[np.int16], right: NDArray[np.int16]) -> None:
        self._left += self._loudest(left)
        self._right += self._loudest(right)

    def peaks(self) -> Peaks:
        return Peaks(PEAKS_PER_SECOND, list(self._left), list(self._right))

    def _loudest(self, block: NDArray[np.int16]) -> bytes:
        loudest = np.maximum.reduceat(np.abs(block.astype(np.int32)), np.arange(0, len(block), self._stretch))
        return bytes(np.minimum(loudest >> _SHIFT, 127).astype(np.uint8))
