"""The tones of telephone networks, by country: frequencies and cadences as in ITU-T E.180 Supplement 2. Pure.

`beep` is the pulse that tells that a call is recorded, once. Levels: E.180 asks for -10 dBm0, together.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from relay.api import ToneName

RATE = 8000
EDGE_MS = 5
"""A tone comes and goes within this time, so that it does not click."""
_PEAK = 0.22 * 32767
"""Of a lone sine at -10 dBm0, where full scale is 3.14 (G.711)."""


class Pulse(msgspec.Struct, frozen=True):
    """Frequencies that sound together for a while; none: silence."""

    hertz: tuple[float, ...]
    ms: int
    modulation: float = 0.0
    """Hertz by which the first frequency is modulated in its amplitude."""


Cadence = tuple[Pulse, ...]


def _pulses(hertz: tuple[float, ...], *milliseconds: int) -> Cadence:
    """On and off in turn."""
    return tuple(Pulse(hertz if at % 2 == 0 else (), ms) for at, ms in enumerate(milliseconds))


_AMERICA: dict[ToneName, Cadence] = {
    "dial": _pulses((350, 440), 1000),
    "ringback": _pulses((440, 480), 2000, 4000),
    "busy": _pulses((480, 620), 500, 500),
    "reorder": _pulses((480, 620), 250, 250),
    "beep": _pulses((1400,), 500),
}

COUNTRIES: dict[str, dict[ToneName, Cadence]] = {
    "US": _AMERICA,
    "CA": _AMERICA,
    "GB": {
        "dial": _pulses((350, 440), 1000),
        "ringback": _pulses((400, 450), 400, 200, 400, 2000),
        "busy": _pulses((400,), 375, 375),
        "reorder": _pulses((400,), 400, 350, 225, 525),
        "beep": _pulses((1400,), 500),
    },
    "DE": {
        "dial": _pulses((425,), 1000),
        "ringback": _pulses((425,), 1000, 4000),
        "busy": _pulses((425,), 480, 480),
        "reorder": _pulses((425,), 240, 240),
        "beep": _pulses((1400,), 80),
    },
    "FR": {
        "dial": _pulses((440,), 1000),
        "ringback": _pulses((440,), 1500, 3500),
        "busy": _pulses((440,), 500, 500),
        "reorder": _pulses((440,), 250, 250),
        "beep": _pulses((1400,), 500),
    },
    "JP": {
        "dial": _pulses((400,), 1000),
        "ringback": (Pulse((400,), 1000, 16), Pulse((), 2000)),
        "busy": _pulses((400,), 500, 500),
        "reorder": _pulses((400,), 500, 500),
        "beep": _pulses((1400,), 500),
    },
}


def cadence_of(tone: ToneName, country: str) -> Cadence:
    """Raises KeyError for a country (ISO 3166-1 alpha-2) that is not in the table."""
    return COUNTRIES[country][tone]


def render(cadence: Cadence) -> npt.NDArray[np.int16]:
    """One round of it at RATE. Repeated it goes on without a click: each pulse begins and ends in silence, and one
    that never pauses has whole waves in its second."""
    lone = len(cadence) == 1
    return np.concatenate([_sound(pulse, not lone) for pulse in cadence])


def is_endless(tone: ToneName) -> bool:
    """Whether it is repeated until it is stopped."""
    return tone != "beep"


def _sound(pulse: Pulse, edges: bool) -> npt.NDArray[np.int16]:
    times = np.arange(RATE * pulse.ms // 1000) / RATE
    if not pulse.hertz:
        return np.zeros(len(times), np.int16)
    peak = _PEAK / np.sqrt(len(pulse.hertz))
    sound = sum((np.sin(2 * np.pi * hertz * times) for hertz in pulse.hertz), np.zeros(len(times))) * peak
    if pulse.modulation:
        sound *= 0.5 - 0.5 * np.cos(2 * np.pi * pulse.modulation * times)
    if edges:
        ramp = np.clip(np.minimum(times, times[-1] - times) * 1000 / EDGE_MS, 0, 1)
        sound *= ramp
    samples: npt.NDArray[np.int16] = np.round(sound).astype(np.int16)
    return samples
