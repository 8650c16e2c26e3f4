"""One leg's way in: packets to the jitter buffer or the digits, and each tick a frame out of it. Pure."""

from collections.abc import Mapping
from typing import TypeGuard

import msgspec
import numpy as np

from relay.codecs import l16, noise, opus
from relay.digits.dtmf import DigitReceiver
from relay.formats import TICK_MS, Codec
from relay.mixing.resample import NARROW
from relay.passing.waiting import Coded, Queue
from relay.playout.jitter import Content, JitterBuffer, Lent, Lost, Rest, Sound, Turn
from relay.playout.voice import NOTHING, Frame, Octets, OpusVoice, Samples, Voice, WaveVoice, converted, tuned
from relay.streams.malformed import L16Error, Malformed
from relay.streams.rtp import RtpPacket

__all__ = ["Admitted", "Frame", "Octets", "Receiver"]

MAX_MS = 200
"""A longer payload is not a packet of speech."""


class Admitted(msgspec.Struct, frozen=True):
    """A packet of sound that is new and well formed."""

    packet: RtpPacket
    codec: Codec
    content: Content


class Receiver:
    """A leg's receiving half. `rate`: what Opus is decoded to, one of RATES."""

    def __init__(self, formats: Mapping[int, Codec], rate: int) -> None:
        self.jitter = JitterBuffer()
        self.unknown = 0
        self._formats = dict(formats)
        self._rate = rate
        self._digits = DigitReceiver()
        self._ended: list[tuple[str, int]] = []
        self._concealed_ms = 0.0
        self._voice: Voice = WaveVoice(NARROW)
        self._left = NOTHING
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
        """Takes a packet in, to be played; a bad one is counted."""
        if (sound := self.admit(packet, now_ns)) is not None:
            self.keep(sound, now_ns)

    def admit(self, packet: RtpPacket, now_ns: int) -> Admitted | None:
        """The packet if it is sound, to be kept or passed on; all else is taken in, or counted."""
        if not self.jitter.note(packet):
            return None
        codec = self._formats.get(packet.payload_type)
        try:
            if codec is None:
                raise Malformed("a payload type that was not negotiated")
            if codec.name != "telephone-event":
                return Admitted(packet, codec, _content(codec, packet.payload))
            self.jitter.pass_over(packet)
            self._ended += self._digits.receive(packet.payload, packet.timestamp, codec.clock, now_ns)
        except Malformed:
            self.unknown += 1
            self.jitter.pass_over(packet)
        return None

    def keep(self, sound: Admitted, now_ns: int) -> None:
        """It is to be played in its turn."""
        self.jitter.put(sound.packet, sound.codec, sound.content, now_ns)

    def pass_on(self, sound: Admitted, now_ns: int) -> None:
        """It was passed on with all that waited, and is not played here."""
        self.jitter.pass_on(sound.packet, sound.codec, sound.content.samples, now_ns)
        self._noise = None

    def waiting(self) -> list[Admitted] | None:
        """What waits for its turn; None while a packet is half played."""
        if len(self._left):
            return None
        return [Admitted(*waiting) for waiting in self.jitter.waiting()]

    def lend(self, codec: Codec, now_ns: int) -> Lent | None:
        """What waits, if it is G.711 or Opus in order and is played as it is, to be kept elsewhere until
        `take_back`."""
        voice = self._voice
        if len(self._left) or voice.in_gap:
            return None
        if voice.rate != (self._rate if isinstance(voice, OpusVoice) else NARROW):
            return None
        if isinstance(voice, OpusVoice) != (codec.name == "opus"):
            return None
        return self.jitter.lend(codec, now_ns)

    @property
    def decoder(self) -> opus.Decoder | None:
        """Of Opus, if that is what is played."""
        return self._voice.decoder if isinstance(self._voice, OpusVoice) else None

    def play(self, codec: Codec, packet: Coded) -> Samples:
        """A frame of Opus that was lent: as `pull` would give it."""
        self._voice.catch_up(packet.undecoded)
        return self._sound(Sound(codec, packet.payload, codec.clock * TICK_MS // 1000, packet.skipped))

    def take_back(self, queue: Queue) -> None:
        """What waits now, and what was played of what was lent."""
        self.jitter.take_back(queue.lent)
        self._voice.catch_up(queue.undecoded)
        if queue.paused:
            self._voice.rest()
        for played in queue.past:
            self._noise = None
            if queue.law is not None:
                self._voice.remember(Octets(queue.law, played) if isinstance(played, bytes) else played)

    def knows(self, payload_type: int, codec: Codec) -> bool:
        """Whether the peer negotiated this."""
        return self._formats.get(payload_type) == codec

    def accepts(self, codec: Codec) -> bool:
        """Whether the peer negotiated this under any payload type."""
        return codec in self._formats.values()

    @property
    def has_digits(self) -> bool:
        """Whether there is, or may soon be, something for `digits` to tell."""
        return bool(self._ended) or self._digits.waiting

    def digits(self, now_ns: int) -> list[tuple[str, int]]:
        """Digits that have ended since the last call, with their lengths in ms."""
        if self._digits.waiting:
            self._ended += self._digits.expire(now_ns)
        ended, self._ended = self._ended, []
        return ended

    def pull(self, now_ns: int, quiet: bool) -> Frame | None:
        """The sound of this tick at `rate`, or None: the peer is silent."""
        if len(self._left) == 0:
            turn = self._take(now_ns, quiet)
            if _is_plain(turn) and not self._voice.in_gap:
                return self._plain(turn)
            if isinstance(turn, Rest) and (self._noise is None or not self._noise.audible):
                self._voice.rest()
                return None
            self._add(turn)
        while len(self._left) < self._frame:
            self._add(self._take(now_ns, quiet))
        whole, self._left = self._left[: self._frame], self._left[self._frame :]
        return whole

    @property
    def _frame(self) -> int:
        return self._voice.rate * TICK_MS // 1000

    def _take(self, now_ns: int, quiet: bool) -> Turn:
        lacking = self._frame - len(self._left)
        want = -(-lacking * self.jitter.clock // self._voice.rate)
        turn = self.jitter.take(now_ns, want, quiet)
        if isinstance(turn, Sound) and turn.codec.name != "CN":
            self._tune(turn.codec)
        return turn

    def _tune(self, codec: Codec) -> None:
        before, self._voice = self._voice, tuned(self._voice, codec, self._rate)
        self._left = converted(self._left, before.rate, self._voice.rate)

    def _plain(self, turn: Sound) -> Octets:
        self._noise = None
        octets = Octets("PCMA" if turn.codec.name == "PCMA" else "PCMU", turn.payload)
        self._voice.remember(octets)
        return octets

    def _add(self, turn: Turn) -> None:
        self._left = np.concatenate([self._left, self._sound(turn)])

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


def _is_plain(turn: Turn) -> TypeGuard[Sound]:
    return (
        isinstance(turn, Sound)
        and turn.samples == NARROW * TICK_MS // 1000
        and turn.skipped is None
        and turn.codec.name in ("PCMU", "PCMA")
    )


def _content(codec: Codec, payload: bytes) -> Content:
    """What a payload holds. Raises Malformed."""
    match codec.name:
        case "opus":
            return Content(opus.duration(payload), opus.is_dtx(payload), opus.has_copy(payload))
        case "CN":
            noise.parse(payload)
            return Content(codec.clock * TICK_MS // 1000, last=True)
        case "L16":
            length, rest = divmod(len(payload), l16.OCTETS_PER_SAMPLE)
            if rest:
                raise L16Error("half a sample at the end")
        case _:
            length = len(payload)
    if not 0 < length <= codec.clock * MAX_MS // 1000:
        raise Malformed("not a length of speech")
    return Content(length)
