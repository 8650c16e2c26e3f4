"""What a sound is written as: WAV, FLAC (RFC 9639) or Ogg/Opus (RFC 7845). No clock and no files.

The same sound gives the same bytes, so that a recording may be finalized again; all are written from front to end, so
that they can be sealed as they are made.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recorder.api import Format
from recorder.finalizing import ogg, wav
from recorder.finalizing.opus_encoder import FRAME_MS, OpusEncoder

Samples = NDArray[np.int16]
OPUS_CLOCK = 48_000
_PAGE_PACKETS = 50


class Shape(NamedTuple):
    rate: int
    channels: int
    frames: int
    """Samples a channel."""


class Encoder(Protocol):
    """Of one sound: `begin` once, blocks of (samples, channels), `finish` once."""

    def begin(self) -> bytes: ...

    def encode(self, block: Samples) -> bytes: ...

    def finish(self) -> bytes: ...


def make_encoder(format: Format, shape: Shape) -> Encoder:
    makers: dict[Format, Callable[[Shape], Encoder]] = {"wav": _Wav, "flac": _Flac, "opus": _OggOpus}
    return makers[format](shape)


class _Wav:
    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def begin(self) -> bytes:
        return wav.header(*self._shape)

    def encode(self, block: Samples) -> bytes:
        return block.astype("<i2").tobytes()

    def finish(self) -> bytes:
        return b""


class _Cutter:
    """Cuts blocks of any length into frames of one length."""

    def __init__(self, length: int, channels: int) -> None:
        self._length = length
        self._left = np.zeros((0, channels), np.int16)

    def frames(self, block: Samples) -> list[Samples]:
        whole = np.concatenate((self._left, block))
        end = len(whole) // self._length * self._length
        self._left = whole[end:].copy()
        return [whole[at : at + self._length] for at in range(0, end, self._length)]

    def rest(self) -> Samples:
        return self._left


class _Flac:
    def __init__(self, shape: Shape) -> None:
        from recorder.finalizing.flac_encoder import FlacEncoder  # a library that most sounds do not need

        self._encoder = FlacEncoder(*shape)

    def begin(self) -> bytes:
        return self._encoder.head

    def encode(self, block: Samples) -> bytes:
        return self._encoder.encode(block)

    def finish(self) -> bytes:
        return self._encoder.finish()


class _OggOpus:
    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._encoder = OpusEncoder(shape.rate, shape.channels)
        self._ticks = OPUS_CLOCK // shape.rate
        self._skip = self._encoder.lookahead * self._ticks
        self._length = shape.rate * FRAME_MS // 1000
        self._cutter = _Cutter(self._length, shape.channels)
        self._packets: list[bytes] = []
        self._laces = 0
        self._pages = 0
        self._granule = 0

    def begin(self) -> bytes:
        rate, channels, _ = self._shape
        head = struct.pack("<8sBBHIhB", b"OpusHead", 1, channels, self._skip, rate, 0, 0 if channels == 1 else 1)
        if channels == 2:
            # RFC 7845 section 5.1.1.2: two streams, none of them coupled, first left, then right.
            head += bytes((2, 0, 0, 1))
        vendor = b"telephonist"
        tags = struct.pack("<8sI", b"OpusTags", len(vendor)) + vendor + struct.pack("<I", 0)
        return self._page([head], ogg.FIRST) + self._page([tags])

    def encode(self, block: Samples) -> bytes:
        made = bytearray()
        for frame in self._cutter.frames(block):
            made += self._add(frame)
        return bytes(made)

    def finish(self) -> bytes:
        """The end, behind as much silence as the encoder holds back; the last page says where the sound ends (RFC 7845
        section 4.4)."""
        rest = self._cutter.rest()
        missing = -(-(len(rest) + self._encoder.lookahead) // self._length) * self._length - len(rest)
        made = self.encode(np.zeros((missing, self._shape.channels), np.int16))
        self._granule = self._skip + self._shape.frames * self._ticks
        return made + self._page(self._packets, ogg.LAST)

    def _add(self, frame: Samples) -> bytes:
        packet = self._encoder.encode(frame)
        laces, made = len(ogg.laces(packet)), b""
        if self._laces + laces > ogg.LACES or len(self._packets) == _PAGE_PACKETS:
            made, self._packets, self._laces = self._page(self._packets), [], 0
        self._packets.append(packet)
        self._laces += laces
        self._granule += self._length * self._ticks
        return made

    def _page(self, packets: list[bytes], flags: int = 0) -> bytes:
        self._pages += 1
        return ogg.page(self._pages - 1, self._granule, packets, flags)
