"""G.711: µ-law and A-law (ITU-T G.711) of any number of frames in one numpy call, by tables. Pure."""

from typing import Literal

import numpy as np
import numpy.typing as npt

Law = Literal["PCMU", "PCMA"]
Octets = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.int16]

LAWS: tuple[Law, ...] = ("PCMU", "PCMA")

SILENCE: dict[Law, int] = {"PCMU": 0xFF, "PCMA": 0xD5}
"""The octet nearest to no sound. A-law has no zero: it is heard as 8 of 32768."""


def decode(law: Law, octets: Octets) -> Samples:
    """Samples of octets, in the same shape."""
    return _DECODE[law][octets]


def encode(law: Law, samples: Samples) -> Octets:
    """Octets of samples, in the same shape."""
    return _ENCODE[law][samples.view(np.uint16)]


def decode_bytes(law: Law, payload: bytes) -> Samples:
    """Samples of one payload."""
    return _DECODE[law][np.frombuffer(payload, np.uint8)]


def silence(law: Law, samples: int) -> bytes:
    """A payload without sound."""
    return bytes([SILENCE[law]]) * samples


def _mu_levels() -> Samples:
    code = ~np.arange(256, dtype=np.uint8)
    magnitude = ((((code & 0x0F).astype(np.int32) << 3) + 132) << ((code >> 4) & 7)) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _a_levels() -> Samples:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = ((code >> 4) & 7).astype(np.int32)
    mantissa = ((code & 0x0F).astype(np.int32) << 4) + 8
    magnitude = np.where(exponent == 0, mantissa, (mantissa + 0x100) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _nearest(levels: Samples, silence: int) -> Octets:
    """For each 16-bit pattern the octet whose level is nearest."""
    levels = levels.astype(np.int32)
    # µ-law has two zeros; the one of silence is the one to send.
    usable = np.array([octet for octet in range(256) if levels[octet] or octet == silence])
    ordered = usable[np.argsort(levels[usable])]
    middles = (levels[ordered][1:] + levels[ordered][:-1]) / 2
    patterns = np.arange(65536, dtype=np.uint16).view(np.int16)
    return ordered[np.searchsorted(middles, patterns, side="right")].astype(np.uint8)


_DECODE: dict[Law, Samples] = {"PCMU": _mu_levels(), "PCMA": _a_levels()}
_ENCODE: dict[Law, Octets] = {law: _nearest(_DECODE[law], SILENCE[law]) for law in LAWS}
