"""What G.711, G.722 and L16 play in place of lost sound: the last pitch period again, fading out. Pure.

The idea is that of ITU-T G.711 Appendix I without its delay: the way back is a crossfade into the first sound again.
"""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

HISTORY_MS = 60
"""Of the past that is looked at."""

_SHORTEST_MS, _LONGEST_MS = 5, 20
_MATCH_MS = 20
_HOLD_MS, _GONE_MS = 20, 60
"""Of lost sound: how long it is repeated at full level, and when it has faded to nothing."""
_JOIN = 32


class Concealment:
    """One gap: made from the sound before it at `rate` Hz, asked for sound until the gap ends."""

    def __init__(self, past: Samples, rate: int) -> None:
        length = rate * HISTORY_MS // 1000
        history = np.zeros(length, np.float32)
        history[length - len(past[-length:]) :] = past[-length:]
        self._period = _last_period(history, rate // 1000)
        self._hold, self._gone = _HOLD_MS * rate // 1000, _GONE_MS * rate // 1000
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
        level = np.clip((self._gone - at) / (self._gone - self._hold), 0.0, 1.0).astype(np.float32)
        return self._period[at % len(self._period)] * level


def crossfade(outgoing: Samples, sound: Samples) -> Samples:
    """`sound`, its beginning faded in while `outgoing` fades out over its own length or 4 ms."""
    length = min(_JOIN, len(outgoing), len(sound))
    rise = np.linspace(0.0, 1.0, length + 2, dtype=np.float32)[1:-1]
    joined = sound.copy()
    joined[:length] = outgoing[:length] * (1 - rise) + sound[:length] * rise
    return joined


def _last_period(history: Floats, per_ms: int) -> Floats:
    """The last pitch period, its end bent so that it follows itself without a step."""
    pitch = _pitch(history, per_ms)
    period = history[-pitch:].copy()
    overlap = pitch // 4
    rise = np.linspace(0.0, 1.0, overlap, dtype=np.float32)
    before = history[-pitch - overlap : -pitch]
    period[-overlap:] = period[-overlap:] * (1 - rise) + before * rise
    return period


def _pitch(history: Floats, per_ms: int) -> int:
    """The lag in samples at which the end of the past is most like itself."""
    match = _MATCH_MS * per_ms
    lags = np.arange(_SHORTEST_MS * per_ms, _LONGEST_MS * per_ms + 1)
    windows = np.lib.stride_tricks.sliding_window_view(history, match)[len(history) - match - lags]
    energy = np.einsum("ij,ij->i", windows, windows) + 1.0
    return int(lags[int(np.argmax(windows @ history[-match:] / np.sqrt(energy)))])
