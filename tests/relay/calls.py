"""Peers of an engine in virtual time: each sends a sound over an impaired network and keeps what it is sent."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from relay.codecs import g711, opus
from relay.engine import Codec, Engine, Outgoing, SendFormat, Tick
from relay.rtp import RtpPacket
from tests.support.impair import CLEAN, Delivered, Impairment, Network

Samples = npt.NDArray[np.int16]

MS = 1_000_000
TICK = 20 * MS

PCMU, PCMA, OPUS = Codec("PCMU"), Codec("PCMA"), Codec("opus", 48000, 2)
EVENTS, NOISE = Codec("telephone-event"), Codec("CN")
RECEIVE = {0: PCMU, 8: PCMA, 13: NOISE, 96: OPUS, 101: EVENTS}
TYPES = {"PCMU": 0, "PCMA": 8, "opus": 96}


def sending(codec: Codec, ptime_ms: int = 20) -> SendFormat:
    return SendFormat(codec, TYPES[codec.name], ptime_ms)


class Peer:
    """The far end of one leg. `rate` is that of its sound: 8000 of G.711, 16000 of Opus."""

    def __init__(self, leg: str, codec: Codec, ptime_ms: int = 20, seed: int = 1) -> None:
        self.leg = leg
        self.codec = codec
        self.rate = 16000 if codec.name == "opus" else 8000
        self.sent: list[RtpPacket] = []
        self.heard: list[Outgoing] = []
        self._ptime_ms = ptime_ms
        self._seed = seed
        self._encoder = opus.Encoder(16000, 28_000, True)

    def send(self, sound: Samples, start_ns: int = 0, how: Impairment = CLEAN) -> list[Delivered[RtpPacket]]:
        """The packets of a sound that begins to be spoken at `start_ns`, as they arrive at the engine."""
        return Network[RtpPacket](how, self._seed).carry(self.spoken(sound, start_ns))

    def spoken(self, sound: Samples, start_ns: int = 0) -> Iterator[tuple[int, RtpPacket]]:
        size = self.rate * self._ptime_ms // 1000
        for number, at in enumerate(range(0, len(sound) - size + 1, size)):
            timestamp = (1 << 32) + number * self.codec.clock * self._ptime_ms // 1000
            payload = self._encode(sound[at : at + size])
            packet = RtpPacket(TYPES[self.codec.name], number == 0, 7, 65536 + number, timestamp, payload)
            self.sent.append(packet)
            yield start_ns + (number + 1) * self._ptime_ms * MS, packet

    def sound(self) -> Samples:
        """All that it was sent, decoded at `rate`."""
        if self.codec.name == "opus":
            decoder = opus.Decoder(self.rate)
            parts = [decoder.decode(out.payload) for out in self.heard]
        else:
            parts = [self._decoded(out.payload) for out in self.heard]
        return np.concatenate([np.zeros(0, np.int16), *parts])

    def _encode(self, samples: Samples) -> bytes:
        if self.codec.name == "opus":
            return self._encoder.encode(samples)
        return g711.encode(_law(self.codec), samples).tobytes()

    def _decoded(self, payload: bytes) -> Samples:
        return g711.decode_bytes(_law(self.codec), payload)


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
        ticks.append(engine.tick(now))
        for peer in peers:
            peer.heard += [out for out in ticks[-1].sends if out.leg == peer.leg]
    return ticks


def _law(codec: Codec) -> g711.Law:
    return "PCMA" if codec.name == "PCMA" else "PCMU"
