"""What G.711 plays in place of lost sound: the last pitch period again, fading out. Pure.

The idea is that of ITU-T G.711 Appendix I without its delay: the way back is a crossfade into the first sound again.
"""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

RATE = 8000
HISTORY = 480
"""Samples of the past that are looked at: 60 ms."""

_SHORTEST, _LONGEST = 40, 160
_MATCH = 160
_HOLD, _GONE = 160, 480
"""In samples of lost sound: how long it is repeated at full level, and when it has faded to nothing."""
_JOIN = 32


class Concealment:
    """One gap: made from the sound before it, asked for sound until the gap ends."""

    def __init__(self, past: Samples) -> None:
        history = np.zeros(HISTORY, np.float32)
        history[HISTORY - len(past[-HISTORY:]) :] = past[-HISTORY:]
        self._period = _last_period(history)
        self._done = 0

    def frame(self, samples: int) -> Samples:
        """The next samples of the gap."""
        frame = self._made(samples)
        self._done += samples
        return frame.astype(np.int16)

    def join(self, sound: Samples) -> Samples:
        """Sound that ends the gap, faded in over what the gap would have gone on with."""
        length = min(_JOIN, len(sound))
        return crossfade(self._made(length).astype(np.int16), sound)

    def _made(self, samples: int) -> Floats:
        at = self._done + np.arange(samples)
        level = np.clip((_GONE - at) / (_GONE - _HOLD), 0.0, 1.0).astype(np.float32)
        return self._period[at % len(self._period)] * level


def crossfade(outgoing: Samples, sound: Samples) -> Samples:
    """`sound`, its beginning faded in while `outgoing` fades out over its own length or 4 ms."""
    length = min(_JOIN, len(outgoing), len(sound))
    rise = np.linspace(0.0, 1.0, length + 2, dtype=np.float32)[1:-1]
    joined = sound.copy()
    joined[:length] = outgoing[:length] * (1 - rise) + sound[:length] * rise
    return joined


def _last_period(history: Floats) -> Floats:
    """The last pitch period, its end bent so that it follows itself without a step."""
    pitch = _pitch(history)
    period = history[-pitch:].copy()
    overlap = pitch // 4
    rise = np.linspace(0.0, 1.0, overlap, dtype=np.float32)
    before = history[-pitch - overlap : -pitch]
    period[-overlap:] = period[-overlap:] * (1 - rise) + before * rise
    return period


def _pitch(history: Floats) -> int:
    """The lag in samples at which the end of the past is most like itself."""
    recent = history[-_MATCH:]
    lags = np.arange(_SHORTEST, _LONGEST + 1)
    windows = np.lib.stride_tricks.sliding_window_view(history, _MATCH)[len(history) - _MATCH - lags]
    energy = np.einsum("ij,ij->i", windows, windows) + 1.0
    return int(lags[int(np.argmax(windows @ recent / np.sqrt(energy)))])
