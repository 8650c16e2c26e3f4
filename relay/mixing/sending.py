"""One leg's way out: what it hears, encoded and cut into packets of the length that was negotiated. Pure."""

import copy
import heapq
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from relay.codecs import g711, g722, l16, opus
from relay.formats import TICK_MS, SendFormat
from relay.mixing.resample import FULL, NARROW, WIDE

Samples = npt.NDArray[np.int16]


FULL_BITRATE = 32_000
"""Of Opus, bit/s, from which on a voice may have its full band (RFC 7587 §3.1.1: 28 to 40 kbit/s)."""
SETTLING_FRAMES = 10
"""So much silence is encoded before the last packet of it is sent again and again instead."""
RENEWAL_FRAMES = 20
"""With DTX, silence is told again after so much of it: 400 ms, as Opus itself does it."""
PTIMES_MS = (10, 20, 30, 40, 60)
"""Lengths of packets that are sent."""

Packet = tuple[bytes, int]
"""A payload, and how long its sound is in units of the RTP clock. An empty one: so much silence, for which nothing is
sent."""


class _Cutter:
    """Cuts octets, which may be cut anywhere, into packets. `size` and `length`: of a packet, in octets and in units of
    the RTP clock."""

    def __init__(self, size: int, length: int) -> None:
        self._size = size
        self._length = length
        self._waiting = b""

    def cuts(self, size: int) -> bool:
        """Whether so many octets are the next packet, and no less and no more."""
        return self._size == size and not self._waiting

    def cut(self, octets: bytes) -> list[Packet]:
        """The packets that they complete."""
        size = self._size
        if len(octets) == size and not self._waiting:
            return [(octets, self._length)]
        self._waiting += octets
        whole = len(self._waiting) // size * size
        ready, self._waiting = self._waiting[:whole], self._waiting[whole:]
        return [(ready[at : at + size], self._length) for at in range(0, whole, size)]


class NarrowSender:
    """G.711: octets are encoded elsewhere, for all legs that hear the same."""

    rate = NARROW

    def __init__(self, format: SendFormat) -> None:
        self.law: g711.Law = "PCMA" if format.codec.name == "PCMA" else "PCMU"
        self._silence = g711.silence(self.law, NARROW * TICK_MS // 1000)
        size = NARROW * format.ptime_ms // 1000
        self._cutter = _Cutter(size, size)

    @property
    def is_whole(self) -> bool:
        """Whether each tick's octets are one packet."""
        return self._cutter.cuts(len(self._silence))

    def send(self, octets: bytes) -> list[Packet]:
        """The packets that a tick's octets complete."""
        return self._cutter.cut(octets)

    def send_silence(self) -> list[Packet]:
        return self._cutter.cut(self._silence)


class SampleSender:
    """G.722 and L16: each leg has its own encoder, whose octets may be cut anywhere. `rate`: of the samples."""

    def __init__(self, format: SendFormat, rate: int) -> None:
        self.rate = rate
        self._encode = _octet_encoder(format)
        length = format.codec.clock * format.ptime_ms // 1000
        self._cutter = _Cutter(length * (1 if format.codec.name == "G722" else l16.OCTETS_PER_SAMPLE), length)
        self._silence = np.zeros(rate * TICK_MS // 1000, np.int16)

    def send(self, samples: Samples) -> list[Packet]:
        """The packets that a tick's samples complete."""
        return self._cutter.cut(self._encode(samples))

    def send_silence(self) -> list[Packet]:
        return self.send(self._silence)


class OpusSender:
    """Opus: the encoder has state. Legs that hear the same may have one sender together (relay.mixing.sharing)."""

    def __init__(self, format: SendFormat, rate: int) -> None:
        self.rate = rate
        ptime_ms = 20 if format.ptime_ms == 30 else format.ptime_ms
        self.settings = (rate, ptime_ms, format.bitrate, format.dtx, 0)
        """Senders of equal settings make the same of the same sound."""
        self._frame = rate * ptime_ms // 1000
        self._length = opus.CLOCK * ptime_ms // 1000
        self._encoder: opus.Encoder | None = None
        self._waiting = np.zeros(0, np.int16)
        self._silent = 0
        self._last = b""
        self._dtx = format.dtx

    @property
    def is_whole(self) -> bool:
        """Whether each tick's sound is one packet."""
        return self._frame == self.rate * TICK_MS // 1000

    @property
    def begun(self) -> bool:
        """Whether anything was encoded."""
        return self._encoder is not None

    def in_step_with(self, other: "OpusSender") -> bool:
        """Whether packets of both end at the same moments."""
        return self.settings == other.settings and len(self._waiting) == len(other._waiting)

    def fork(self) -> "OpusSender":
        """A sender whose packets follow on those of this one, so that a listener may be given to it."""
        made = copy.copy(self)
        made._encoder = self._encoder and self._encoder.copy()
        return made

    def expecting(self, loss_percent: int) -> "OpusSender":
        """This sender, or one that follows on it with copies (RFC 6716 §2.1.7) for so much loss; 0: without."""
        if loss_percent == self.settings[-1]:
            return self
        made = self.fork()
        made.settings = (*self.settings[:-1], loss_percent)
        if made._encoder is not None:
            made._encoder.expect_loss(loss_percent)
        return made

    @property
    def encoder(self) -> opus.Encoder:
        """Made when it is first asked for. It may be given a tick's sound, if that is one packet: then `made` is to be
        told of it."""
        if self._encoder is None:
            self._encoder = self._begin()
        return self._encoder

    def made(self, payload: bytes) -> list[Packet]:
        """The packet of a tick's sound, as `send` gives it."""
        self._silent = 0
        self._last = payload
        return [(b"" if self._dtx and opus.is_dtx(payload) else payload, self._length)]

    def send(self, samples: Samples) -> list[Packet]:
        """The packets that a tick's samples complete."""
        self._silent = 0
        return self._encode(samples)

    def send_silence(self) -> list[Packet]:
        frame = self.rate * TICK_MS // 1000
        self._silent += 1
        if self._silent > SETTLING_FRAMES and self._frame == frame:
            left_out = self._dtx and self._silent % RENEWAL_FRAMES
            return [(b"" if left_out else self._last, self._length)]
        return self._encode(np.zeros(frame, np.int16))

    def _encode(self, samples: Samples) -> list[Packet]:
        encoder = self.encoder
        if len(self._waiting):
            samples = np.concatenate([self._waiting, samples])
        whole = len(samples) // self._frame * self._frame
        payloads = [encoder.encode(samples[at : at + self._frame]) for at in range(0, whole, self._frame)]
        self._waiting = samples[whole:]
        self._last = payloads[-1] if payloads else self._last
        return [(b"" if self._dtx and opus.is_dtx(payload) else payload, self._length) for payload in payloads]

    def _begin(self) -> opus.Encoder:
        rate, _, bitrate, dtx, loss_percent = self.settings
        encoder = opus.Encoder(rate, bitrate)
        encoder.expect_loss(loss_percent)
        if dtx:
            encoder.leave_out_silence()
        return encoder


Sender = NarrowSender | SampleSender | OpusSender


def bandwidth(format: SendFormat) -> int:
    """The rate of the samples that hold all that the peer can hear, Hz.

    Full band is for those who ask for the bit rate that it takes: below, Opus leaves it out anyway."""
    match format.codec.name:
        case "opus":
            rates = (NARROW, WIDE) if format.bitrate < FULL_BITRATE else (NARROW, WIDE, FULL)
            return max(rate for rate in rates if rate <= max(NARROW, format.max_playback_rate))
        case "G722":
            return WIDE
        case _:
            return WIDE if format.codec.clock >= WIDE else NARROW


def room_rate(formats: Iterable[SendFormat]) -> int:
    """The rate of a room: the second-highest bandwidth, as what one party alone can say or hear nobody else does."""
    return min(heapq.nlargest(2, (NARROW, NARROW, *map(bandwidth, formats))))


def sender_rate(format: SendFormat, room_rate: int) -> int:
    """The rate of the samples that are encoded for a format in a room of that rate, Hz."""
    return min(bandwidth(format), room_rate) if format.codec.name == "opus" else bandwidth(format)


def make_sender(format: SendFormat, room_rate: int) -> Sender:
    """The sender of a format in a room of that rate. Raises ValueError if there is no encoder for it."""
    if format.ptime_ms not in PTIMES_MS:
        raise ValueError("not a packet length that is sent")
    rate = sender_rate(format, room_rate)
    match format.codec.name:
        case "opus":
            return OpusSender(format, rate)
        case "PCMU" | "PCMA":
            return NarrowSender(format)
        case "G722" | "L16":
            return SampleSender(format, rate)
        case _:
            raise ValueError("no encoder for this codec")


def _octet_encoder(format: SendFormat) -> Callable[[Samples], bytes]:
    return g722.Encoder().encode if format.codec.name == "G722" else l16.encode
