"""PCMU, PCMA (ITU-T G.711, RFC 3551) by tables; Opus (RFC 6716, RFC 7587) and G.722 (ITU-T G.722) by PyAV."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
FRAME_SECONDS = Fraction(1, 50)


class Encoder(Protocol):
    def encode(self, samples: Samples) -> bytes:
        """One 20 ms frame as an RTP payload."""


class Decoder(Protocol):
    def decode(self, payload: bytes) -> Samples:
        """The samples in an RTP payload; none when it cannot be decoded."""


@dataclass(frozen=True)
class Codec:
    """What SDP says of a codec, and how to make one."""

    name: str
    clock_rate: int
    payload_type: int
    """The static one of RFC 3551, or the one that we offer."""
    channels: int
    """As SDP names them: Opus always says 2 (RFC 7587 §7)."""
    make_encoder: Callable[[], Encoder]
    make_decoder: Callable[[], Decoder]
    format: str = ""
    samples_per_unit: int = 1
    """Of the clock: G.722 has two (RFC 3551 §4.5.2)."""

    @property
    def rate(self) -> int:
        """Of its samples, Hz."""
        return self.clock_rate * self.samples_per_unit

    @property
    def frame(self) -> int:
        """20 ms in units of the clock."""
        return int(self.clock_rate * FRAME_SECONDS)

    @property
    def samples(self) -> int:
        """In 20 ms."""
        return self.frame * self.samples_per_unit

    @property
    def rtpmap(self) -> str:
        return f"{self.name}/{self.clock_rate}" + (f"/{self.channels}" if self.channels > 1 else "")


def _mulaw_table() -> Samples:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent = (code >> 4) & 7
    mantissa = ((code & 0x0F) << 4) + 8
    magnitude = np.where(exponent, mantissa + 0x100 << np.maximum(exponent - 1, 0), mantissa)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _inverse(table: Samples) -> NDArray[np.uint8]:
    """For each of the 65,536 samples the code whose value is nearest."""
    order = np.argsort(table, kind="stable")
    values = table[order].astype(np.int32)
    borders = (values[1:] + values[:-1]) // 2
    samples = np.arange(-32768, 32768)
    return order[np.searchsorted(borders, samples, side="right")].astype(np.uint8)


class G711:
    """Both directions: G.711 keeps no state."""

    def __init__(self, decoding: Samples) -> None:
        self._decoding = decoding
        self._encoding = _inverse(decoding)

    def encode(self, samples: Samples) -> bytes:
        return self._encoding[samples.astype(np.int32) + 32768].tobytes()

    def decode(self, payload: bytes) -> Samples:
        return self._decoding[np.frombuffer(payload, np.uint8)]


class OpusEncoder:
    def __init__(self) -> None:
        context = av.CodecContext.create("libopus", "w")
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate = 48000
        context.layout = "mono"
        context.format = av.AudioFormat("s16")
        context.time_base = Fraction(1, 48000)
        context.bit_rate = 32000
        context.options = {"application": "voip", "frame_duration": "20", "compression_level": "5"}
        self._context = context
        self._at = 0

    def encode(self, samples: Samples) -> bytes:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 48000
        frame.pts = self._at
        self._at += len(samples)
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


class OpusDecoder:
    """Mono: libopus mixes a stereo stream down by itself."""

    def __init__(self) -> None:
        context = av.CodecContext.create("libopus", "r")
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate = 48000
        context.layout = "mono"
        self._context = context

    def decode(self, payload: bytes) -> Samples:
        if not payload:
            return np.zeros(0, np.int16)
        try:
            frames = self._context.decode(av.Packet(payload))
        except av.FFmpegError:
            return np.zeros(0, np.int16)
        return np.concatenate([_to_int16(frame) for frame in frames] or [np.zeros(0, np.int16)])


class G722Encoder:
    def __init__(self) -> None:
        self._context = av.CodecContext.create("g722", "w")
        self._context.sample_rate = 16000
        self._context.layout = "mono"
        self._context.format = av.AudioFormat("s16")
        self._context.time_base = Fraction(1, 16000)

    def encode(self, samples: Samples) -> bytes:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 16000
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


class G722Decoder:
    def __init__(self) -> None:
        self._context = av.CodecContext.create("g722", "r")
        self._context.sample_rate = 16000
        self._context.layout = "mono"

    def decode(self, payload: bytes) -> Samples:
        frames = self._context.decode(av.Packet(payload)) if payload else []
        return np.concatenate([np.zeros(0, np.int16), *map(_to_int16, frames)])


def _to_int16(frame: av.AudioFrame) -> Samples:
    samples = frame.to_ndarray().reshape(-1)
    scale = 1.0 if samples.dtype == np.int16 else 32768.0
    return np.clip(np.rint(samples * scale), -32768, 32767).astype(np.int16)


_MULAW = G711(_mulaw_table())
_ALAW = G711(_alaw_table())

PCMU = Codec("PCMU", 8000, 0, 1, lambda: _MULAW, lambda: _MULAW)
PCMA = Codec("PCMA", 8000, 8, 1, lambda: _ALAW, lambda: _ALAW)
OPUS = Codec("opus", 48000, 111, 2, OpusEncoder, OpusDecoder, "useinbandfec=1")
G722 = Codec("G722", 8000, 9, 1, G722Encoder, G722Decoder, samples_per_unit=2)
CODECS = {codec.name: codec for codec in (PCMU, PCMA, OPUS, G722)}
