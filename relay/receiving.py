"""One leg's way in: packets to the jitter buffer or the digits, and each tick a frame out of it. Pure."""

from collections import deque
from collections.abc import Mapping
from typing import TypeGuard

import msgspec
import numpy as np
import numpy.typing as npt

from relay.codecs import g711, noise, opus
from relay.codecs.conceal import Concealment, crossfade
from relay.dtmf import DigitReceiver
from relay.formats import TICK_MS, Codec
from relay.jitter import JitterBuffer, Lost, Rest, Sound, Turn
from relay.malformed import Malformed
from relay.rtp import RtpPacket

Samples = npt.NDArray[np.int16]

MAX_G711_MS = 200
"""A longer payload is not a packet of speech."""


class Octets(msgspec.Struct, frozen=True):
    """A whole frame of G.711, left to be decoded with those of all other legs."""

    law: g711.Law
    payload: bytes


Frame = Octets | Samples


class NarrowVoice:
    """G.711's sound and what is made up for it."""

    rate = 8000

    def __init__(self) -> None:
        self._past: deque[Octets | Samples] = deque(maxlen=3)
        self._gap: Concealment | None = None

    @property
    def in_gap(self) -> bool:
        return self._gap is not None

    def remember(self, frame: Frame) -> None:
        """A frame that was decoded elsewhere."""
        self._past.append(frame)

    def play(self, turn: Sound) -> Samples:
        law: g711.Law = "PCMA" if turn.codec.name == "PCMA" else "PCMU"
        sound = g711.decode_bytes(law, turn.payload)
        if turn.skipped is not None:
            sound = crossfade(g711.decode_bytes(law, turn.skipped), sound)
        if self._gap is not None:
            sound, self._gap = self._gap.join(sound), None
        self._past.append(sound)
        return sound

    def conceal(self, turn: Lost, samples: int) -> Samples:
        if self._gap is None:
            self._gap = Concealment(np.concatenate([np.zeros(0, np.int16), *map(_samples, self._past)]))
        return self._gap.frame(samples)

    def rest(self) -> None:
        self._gap = None
        self._past.clear()


class OpusVoice:
    """Opus' sound; its decoder makes up what is missing."""

    in_gap = False

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._decoder = opus.Decoder(rate)

    def play(self, turn: Sound) -> Samples:
        if turn.skipped is None:
            return self._decoder.decode(turn.payload)
        outgoing = self._decoder.decode(turn.skipped)
        return crossfade(outgoing, self._decoder.decode(turn.payload))

    def conceal(self, turn: Lost, samples: int) -> Samples:
        if turn.following is None:
            return self._decoder.conceal(samples)
        return self._decoder.recover(turn.following, samples)

    def rest(self) -> None:
        """The decoder keeps its state: what follows a pause was encoded with it."""

    def remember(self, frame: Frame) -> None:
        """Nothing: all frames were decoded here."""


class Receiver:
    """A leg's receiving half. `rate`: what Opus is decoded to, 8000 or 16000."""

    def __init__(self, formats: Mapping[int, Codec], rate: int) -> None:
        self.jitter = JitterBuffer()
        self.unknown = 0
        self._formats = dict(formats)
        self._rate = rate
        self._digits = DigitReceiver()
        self._ended: list[tuple[str, int]] = []
        self._concealed_ms = 0.0
        self._voice: NarrowVoice | OpusVoice = NarrowVoice()
        self._left = _NOTHING
        self._noise: noise.NoiseSource | None = None

    @property
    def rate(self) -> int:
        """Of the frames that `pull` gives now, Hz."""
        return self._voice.rate

    @property
    def frames_concealed(self) -> int:
        return round(self._concealed_ms / TICK_MS)

    def set_formats(self, formats: Mapping[int, Codec]) -> None:
        self._formats = dict(formats)

    def set_rate(self, rate: int) -> None:
        self._rate = rate

    def receive(self, packet: RtpPacket, now_ns: int) -> None:
        """Takes a packet in; a bad one is counted."""
        if not self.jitter.note(packet):
            return
        codec = self._formats.get(packet.payload_type)
        try:
            if codec is None:
                raise Malformed("a payload type that was not negotiated")
            if codec.name == "telephone-event":
                self.jitter.pass_over(packet)
                self._ended += self._digits.receive(packet.payload, packet.timestamp, codec.clock, now_ns)
            else:
                samples, last = _length(codec, packet.payload)
                self.jitter.put(packet, codec, samples, last, now_ns)
        except Malformed:
            self.unknown += 1
            self.jitter.pass_over(packet)

    def digits(self, now_ns: int) -> list[tuple[str, int]]:
        """Digits that have ended since the last call, with their lengths in ms."""
        if self._digits.waiting:
            self._ended += self._digits.expire(now_ns)
        ended, self._ended = self._ended, []
        return ended

    def pull(self, now_ns: int, quiet: bool) -> Frame | None:
        """The sound of this tick at `rate`, or None: the peer is silent."""
        self._choose_voice()
        clock, frame = self.jitter.clock, self._voice.rate * TICK_MS // 1000
        if len(self._left) == 0:
            turn = self.jitter.take(now_ns, clock * TICK_MS // 1000, quiet)
            if _is_plain(turn, frame) and not self._voice.in_gap:
                return self._plain(turn)
            if isinstance(turn, Rest) and (self._noise is None or not self._noise.audible):
                self._voice.rest()
                return None
            self._left = self._sound(turn)
        while len(self._left) < frame:
            want = (frame - len(self._left)) * clock // self._voice.rate
            self._left = np.concatenate([self._left, self._sound(self.jitter.take(now_ns, want, quiet))])
        whole, self._left = self._left[:frame], self._left[frame:]
        return whole

    def _plain(self, turn: Sound) -> Octets:
        self._noise = None
        octets = Octets("PCMA" if turn.codec.name == "PCMA" else "PCMU", turn.payload)
        self._voice.remember(octets)
        return octets

    def _choose_voice(self) -> None:
        rate = self._rate if self.jitter.clock == opus.CLOCK else 0
        if rate and not (isinstance(self._voice, OpusVoice) and self._voice.rate == rate):
            self._voice, self._left = OpusVoice(rate), _NOTHING
        elif not rate and not isinstance(self._voice, NarrowVoice):
            self._voice, self._left = NarrowVoice(), _NOTHING

    def _sound(self, turn: Turn) -> Samples:
        samples = turn.samples * self._voice.rate // self.jitter.clock
        if isinstance(turn, Sound) and turn.codec.name == "CN":
            self._noise = noise.NoiseSource(noise.parse(turn.payload), turn.samples)
            return self._noise.frame(samples)
        if isinstance(turn, Rest):
            self._voice.rest()
            return self._noise.frame(samples) if self._noise else np.zeros(samples, np.int16)
        try:
            return self._voiced(turn, samples)
        except Malformed:
            self.unknown += isinstance(turn, Sound)
            return np.zeros(samples, np.int16)

    def _voiced(self, turn: Sound | Lost, samples: int) -> Samples:
        if isinstance(turn, Lost):
            self._concealed_ms += turn.samples * 1000 / self.jitter.clock
            return self._voice.conceal(turn, samples)
        self._noise = None
        return self._voice.play(turn)


_NOTHING = np.zeros(0, np.int16)


def _is_plain(turn: Turn, frame: int) -> TypeGuard[Sound]:
    return (
        isinstance(turn, Sound)
        and turn.samples == frame
        and turn.skipped is None
        and turn.codec.name in ("PCMU", "PCMA")
    )


def _samples(frame: Frame) -> Samples:
    return g711.decode_bytes(frame.law, frame.payload) if isinstance(frame, Octets) else frame


def _length(codec: Codec, payload: bytes) -> tuple[int, bool]:
    """A payload's length in units of its clock, and whether silence follows. Raises Malformed."""
    if codec.name == "opus":
        return opus.duration(payload), opus.is_dtx(payload)
    if codec.name == "CN":
        noise.parse(payload)
        return codec.clock * TICK_MS // 1000, True
    if not 0 < len(payload) <= codec.clock * MAX_G711_MS // 1000:
        raise Malformed("not a length of speech")
    return len(payload), False
