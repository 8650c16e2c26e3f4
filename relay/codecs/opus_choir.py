"""A tick's Opus of many encoders: in one call where the extension is built, else one by one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from relay.codecs import opus

MOST_OCTETS = 1276
"""In a packet of one frame (RFC 6716 §3.2.1)."""

Outcome = bytes | Exception


def encode_each(encoders: Sequence[opus.Encoder], samples: opus.Samples) -> list[Outcome]:
    """A packet by each encoder, of its row of int16[encoders, samples of one frame]; or why there is none."""
    return _encode_each(encoders, np.ascontiguousarray(samples))


def one_by_one(encoders: Sequence[opus.Encoder], samples: opus.Samples) -> list[Outcome]:
    """`encode_each` without the extension."""
    return [_outcome(encoder, sound) for encoder, sound in zip(encoders, samples, strict=True)]


def _outcome(encoder: opus.Encoder, sound: opus.Samples) -> Outcome:
    try:
        return encoder.encode(sound)
    except ValueError as error:
        return error


class _Native:
    """Keeps room for as many packets as there ever were at once."""

    def __init__(self, ffi: Any, lib: Any) -> None:
        self._ffi, self._lib = ffi, lib
        self._encode = opus.functions()[1]
        self._packets: npt.NDArray[np.uint8] = np.zeros((0, MOST_OCTETS), np.uint8)
        self._sizes = np.zeros(0, np.int32)

    def __call__(self, encoders: Sequence[opus.Encoder], samples: opus.Samples) -> list[Outcome]:
        count, buffer = len(encoders), self._ffi.from_buffer
        if count > len(self._sizes):
            self._packets, self._sizes = np.zeros((2 * count, MOST_OCTETS), np.uint8), np.zeros(2 * count, np.int32)
        self._lib.encode_each(
            self._encode, count, [encoder.address for encoder in encoders], buffer("int16_t[]", samples),
            samples.shape[1], buffer("uint8_t[]", self._packets), MOST_OCTETS, buffer("int32_t[]", self._sizes),
        )  # fmt: skip
        return [
            packet[:size].tobytes() if size >= 0 else ValueError("not a length that Opus has")
            for packet, size in zip(self._packets, self._sizes[:count].tolist(), strict=False)
        ]


try:
    from relay.codecs._opus import ffi, lib
except ImportError:
    _encode_each = one_by_one
else:
    _encode_each = _Native(ffi, lib)
