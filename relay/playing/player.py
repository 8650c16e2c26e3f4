"""A source that plays samples from memory. Pure; relay.playing.soundfile reads them from a file."""

import numpy as np
import numpy.typing as npt

from relay.formats import TICK_MS

Samples = npt.NDArray[np.int16]

RATES = (8000, 16000)


class Player:
    """Gives its samples a frame at a time, once or for ever."""

    def __init__(self, samples: Samples, rate: int, loop: bool) -> None:
        """Mono samples. Raises ValueError if the rate is not one of RATES."""
        if rate not in RATES:
            raise ValueError("not a rate that is played")
        self.rate = rate
        self._frame = rate * TICK_MS // 1000
        self._samples = samples
        self._loop = loop
        self._at = 0

    @property
    def ended(self) -> bool:
        """Whether all of it was given. A loop of nothing has ended before it begins."""
        return self._at >= len(self._samples)

    def frame(self) -> Samples:
        """The next frame. After the end there is silence; over the end of a loop there is no gap."""
        start, self._at = self._at, self._at + self._frame
        if self._at < len(self._samples):
            return self._samples[start : self._at]
        if self._loop and len(self._samples):
            positions = np.arange(start, self._at) % len(self._samples)
            self._at %= len(self._samples)
            return self._samples[positions]
        rest = self._samples[start:]
        return np.concatenate([rest, np.zeros(self._frame - len(rest), np.int16)])
