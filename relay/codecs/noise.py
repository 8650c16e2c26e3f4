"""Comfort noise as received (RFC 3389): a level and the shape of a spectrum, played until sound comes again. Pure."""

import msgspec
import numpy as np
import numpy.typing as npt

from relay.streams.malformed import NoiseError

Samples = npt.NDArray[np.int16]

MAX_ORDER = 16
"""Further reflection coefficients are left out; RFC 3389 §3 lets a receiver do so."""
INAUDIBLE_DBOV = -75
"""Noise below this level is played as no sound, which costs nothing."""

_RESPONSE = 64
_OVERLOAD = 32768.0


class Descriptor(msgspec.Struct, frozen=True):
    """The content of a comfort noise packet."""

    level_dbov: int
    """0 to -127: of the noise's power, relative to a square wave of full scale."""
    reflections: tuple[float, ...] = ()
    """Reflection coefficients, each in -1..1; none means white noise."""


def parse(payload: bytes) -> Descriptor:
    """A comfort noise payload. Raises NoiseError."""
    if not payload:
        raise NoiseError("no noise level")
    reflections = tuple((octet - 127) / 128 for octet in payload[1 : 1 + MAX_ORDER])
    return Descriptor(-(payload[0] & 0x7F), reflections)


class NoiseSource:
    """Noise as described, endless. Two sources of the same seed sound the same."""

    def __init__(self, descriptor: Descriptor, seed: int = 0) -> None:
        self.audible = descriptor.level_dbov >= INAUDIBLE_DBOV
        self._random = np.random.default_rng(seed)
        shape = _impulse_response(descriptor.reflections)
        scale = _OVERLOAD * 10 ** (descriptor.level_dbov / 20) / np.sqrt(np.sum(shape**2))
        self._shape = shape * min(float(scale), _OVERLOAD)
        self._tail = np.zeros(_RESPONSE - 1)

    def frame(self, samples: int) -> Samples:
        white = np.concatenate([self._tail, self._random.standard_normal(samples)])
        self._tail = white[-(_RESPONSE - 1) :]
        return np.clip(np.convolve(white, self._shape, "valid"), -32768, 32767).astype(np.int16)


def _impulse_response(reflections: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """The all-pole filter's answer to one impulse, cut where it no longer matters to noise."""
    predictor = _predictor(reflections)
    response = np.zeros(_RESPONSE)
    response[0] = 1.0
    for at in range(1, _RESPONSE):
        past = response[max(0, at - len(predictor)) : at][::-1]
        response[at] = -float(np.dot(predictor[: len(past)], past))
    return response


def _predictor(reflections: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Levinson's recursion from reflection to predictor coefficients."""
    predictor = np.zeros(0)
    for reflection in reflections:
        predictor = np.append(predictor + reflection * predictor[::-1], reflection)
    return predictor
