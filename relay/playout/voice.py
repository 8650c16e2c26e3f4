"""How a leg's payloads become sound, and what is played in place of those that are missing. Pure."""

import contextlib
from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from relay.codecs import g711, g722, l16, opus
from relay.codecs.conceal import Concealment, crossfade
from relay.formats import Codec
from relay.mixing.resample import WIDE
from relay.playout.jitter import Lost, Sound
from relay.streams.malformed import OpusError

Samples = npt.NDArray[np.int16]

NOTHING = np.zeros(0, np.int16)


class Octets(msgspec.Struct, frozen=True):
    """A whole frame of G.711, left to be decoded with those of all other legs."""

    law: g711.Law
    payload: bytes


Frame = Octets | Samples


class WaveVoice:
    """G.711, G.722 and L16: what is missing is made of the sound before it. `rate`: of the sound, Hz."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._past: deque[Frame] = deque(maxlen=3)
        self._gap: Concealment | None = None
        self._g722: g722.Decoder | None = None

    @property
    def in_gap(self) -> bool:
        return self._gap is not None

    def remember(self, frame: Frame) -> None:
        """A frame that was decoded elsewhere."""
        self._past.append(frame)

    def catch_up(self, undecoded: Sequence[bytes]) -> None:
        """Nothing: every packet is played."""

    def play(self, turn: Sound) -> Samples:
        """The sound of a packet. Raises Malformed."""
        skipped = NOTHING if turn.skipped is None else self._decode(turn.codec, turn.skipped)
        sound = crossfade(skipped, self._decode(turn.codec, turn.payload))
        if self._gap is not None:
            sound, self._gap = self._gap.join(sound), None
        self._past.append(sound)
        return sound

    def conceal(self, turn: Lost, samples: int) -> Samples:
        """The next samples of a gap."""
        if self._gap is None:
            self._gap = Concealment(np.concatenate([NOTHING, *map(_samples, self._past)]), self.rate)
        return self._gap.frame(samples)

    def rest(self) -> None:
        """A pause: what comes after it does not go on from what was before."""
        self._gap = None
        self._past.clear()

    def _decode(self, codec: Codec, payload: bytes) -> Samples:
        match codec.name:
            case "PCMU" | "PCMA":
                return g711.decode_bytes(codec.name, payload)
            case "L16":
                return l16.decode(payload)
            case _:
                self._g722 = self._g722 or g722.Decoder()
                return self._g722.decode(payload)


class OpusVoice:
    """Opus' sound; its decoder makes up what is missing."""

    in_gap = False

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.decoder = opus.Decoder(rate)

    def catch_up(self, undecoded: Sequence[bytes]) -> None:
        """Packets that were known to be silence and not played, the last few of them: what comes now goes on from
        them."""
        for payload in undecoded:
            with contextlib.suppress(OpusError):
                self.decoder.decode(payload)

    def play(self, turn: Sound) -> Samples:
        """The sound of a packet. Raises Malformed."""
        if turn.skipped is None:
            return self.decoder.decode(turn.payload)
        outgoing = self.decoder.decode(turn.skipped)
        return crossfade(outgoing, self.decoder.decode(turn.payload))

    def conceal(self, turn: Lost, samples: int) -> Samples:
        """The next samples of a gap, from the copy in the packet after it if there is one. Raises Malformed."""
        if turn.following is None:
            return self.decoder.conceal(samples)
        return self.decoder.recover(turn.following, samples)

    def rest(self) -> None:
        """The decoder keeps its state: what follows a pause was encoded with it."""

    def remember(self, frame: Frame) -> None:
        """Nothing: all frames were decoded here."""


Voice = WaveVoice | OpusVoice


def tuned(voice: Voice, codec: Codec, rate: int) -> Voice:
    """The voice for a codec: this one if it will do. `rate`: what Opus is decoded to."""
    if codec.name == "opus":
        return voice if isinstance(voice, OpusVoice) and voice.rate == rate else OpusVoice(rate)
    own = WIDE if codec.name == "G722" else codec.clock
    return voice if isinstance(voice, WaveVoice) and voice.rate == own else WaveVoice(own)


def converted(sound: Samples, rate: int, wanted: int) -> Samples:
    """The rest of a frame at another rate, roughly: a sender that changes its codec within a frame is rare."""
    if rate == wanted:
        return sound
    return sound[:: rate // wanted] if rate > wanted else np.repeat(sound, wanted // rate)


def _samples(frame: Frame) -> Samples:
    return g711.decode_bytes(frame.law, frame.payload) if isinstance(frame, Octets) else frame
