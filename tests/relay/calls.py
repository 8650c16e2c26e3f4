"""Peers of an engine in virtual time: each sends a sound over an impaired network and keeps what it is sent."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from relay.codecs import g711, g722, l16, opus
from relay.engine import Codec, Engine, Outgoing, SendFormat, Tick
from relay.streams.rtp import RtpPacket
from tests.support.impair import CLEAN, Delivered, Impairment, Network

Samples = npt.NDArray[np.int16]

MS = 1_000_000
TICK = 20 * MS

PCMU, PCMA, OPUS = Codec("PCMU"), Codec("PCMA"), Codec("opus", 48000, 2)
G722, L16_NARROW, L16_WIDE = Codec("G722"), Codec("L16"), Codec("L16", 16000)
EVENTS, NOISE = Codec("telephone-event"), Codec("CN")
RECEIVE = {0: PCMU, 8: PCMA, 9: G722, 13: NOISE, 96: OPUS, 97: L16_NARROW, 98: L16_WIDE, 101: EVENTS}
TYPES = {codec: payload_type for payload_type, codec in RECEIVE.items()}


def sending(codec: Codec, ptime_ms: int = 20) -> SendFormat:
    return SendFormat(codec, TYPES[codec], ptime_ms)


class Peer:
    """The far end of one leg. `rate` is that of its sound: 16000 where the codec has it."""

    def __init__(self, leg: str, codec: Codec, ptime_ms: int = 20, seed: int = 1) -> None:
        self.leg = leg
        self.codec = codec
        self.rate = 16000 if codec in (OPUS, G722, L16_WIDE) else 8000
        self.sent: list[RtpPacket] = []
        self.heard: list[Outgoing] = []
        self._ptime_ms = ptime_ms
        self._seed = seed
        self._encoder = opus.Encoder(16000, 28_000)

    def send(self, sound: Samples, start_ns: int = 0, how: Impairment = CLEAN) -> list[Delivered[RtpPacket]]:
        """The packets of a sound that begins to be spoken at `start_ns`, as they arrive at the engine."""
        return Network[RtpPacket](how, self._seed).carry(self.spoken(sound, start_ns))

    def spoken(self, sound: Samples, start_ns: int = 0) -> Iterator[tuple[int, RtpPacket]]:
        size = self.rate * self._ptime_ms // 1000
        if self.codec == G722:
            sound = (
                np.frombuffer(g722.Encoder().encode(sound[: len(sound) // 320 * 320]), np.uint8)
                .repeat(2)
                .astype(np.int16)
            )
        for number, at in enumerate(range(0, len(sound) - size + 1, size)):
            timestamp = (1 << 32) + number * self.codec.clock * self._ptime_ms // 1000
            payload = self._encode(sound[at : at + size])
            packet = RtpPacket(TYPES[self.codec], number == 0, 7, 65536 + number, timestamp, payload)
            self.sent.append(packet)
            yield start_ns + (number + 1) * self._ptime_ms * MS, packet

    def sound(self) -> Samples:
        """All that it was sent, decoded at `rate`."""
        decode = self._decoder()
        return np.concatenate([np.zeros(0, np.int16), *(decode(out.payload) for out in self.heard)])

    def _encode(self, samples: Samples) -> bytes:
        if self.codec.name == "opus":
            return self._encoder.encode(samples)
        if self.codec == G722:
            return samples[::2].astype(np.uint8).tobytes()
        if self.codec.name == "L16":
            return l16.encode(samples)
        return g711.encode(_law(self.codec), samples).tobytes()

    def _decoder(self) -> Callable[[bytes], Samples]:
        match self.codec.name:
            case "opus":
                return opus.Decoder(self.rate).decode
            case "G722":
                return g722.Decoder().decode
            case "L16":
                return l16.decode
            case _:
                return partial(g711.decode_bytes, _law(self.codec))


class FullBandPeer(Peer):
    """Opus with all that it can carry."""

    def __init__(self, leg: str) -> None:
        super().__init__(leg, OPUS)
        self.rate = 48_000
        self._encoder = opus.Encoder(48_000, 64_000)


def run(
    engine: Engine,
    peers: list[Peer],
    arrivals: dict[str, list[Delivered[RtpPacket]]],
    seconds: float,
    start_ns: int = 0,
    phase_ns: int = 7 * MS,
) -> list[Tick]:
    """Ticks for so long; each peer keeps what it is sent. Ticks lie `phase_ns` after the multiples of 20 ms."""
    waiting = sorted(
        ((delivered.at_ns, leg, delivered.packet) for leg, all_of in arrivals.items() for delivered in all_of),
        key=lambda item: item[0],
    )
    ticks: list[Tick] = []
    at = 0
    for number in range(round(seconds * 50)):
        now = start_ns + number * TICK + phase_ns
        while at < len(waiting) and waiting[at][0] <= now:
            engine.receive(waiting[at][1], waiting[at][2], waiting[at][0])
            at += 1
            keep_passed(engine, peers)
        ticks.append(engine.tick(now))
        for peer in peers:
            peer.heard += [out for out in ticks[-1].sends if out.leg == peer.leg]
    return ticks


def keep_passed(engine: Engine, peers: list[Peer]) -> None:
    """Gives the peers what was passed on to them."""
    for passed in engine.take_passed():
        for peer in peers:
            if peer.leg == passed.leg and not passed.aside:
                packet = passed.packet
                peer.heard.append(
                    Outgoing(peer.leg, passed.payload_type, packet.payload, packet.marker, passed.samples)
                )


def _law(codec: Codec) -> g711.Law:
    return "PCMA" if codec.name == "PCMA" else "PCMU"
