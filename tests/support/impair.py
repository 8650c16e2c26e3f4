"""What a network does to a stream of packets, from a seed: loss, bursts, jitter, reordering, duplication. Pure."""

import random
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

import msgspec

Packet = TypeVar("Packet")

MS = 1_000_000


class Impairment(msgspec.Struct, frozen=True):
    """Probabilities are of a packet, 0 to 1; times are ms."""

    loss: float = 0.0
    """Of losing a packet on its own."""
    burst: float = 0.0
    """Of a burst of losses beginning at a packet."""
    burst_length: float = 3.0
    """Mean number of packets in a burst."""
    delay_ms: float = 30.0
    jitter_ms: float = 0.0
    """Each packet waits 0 to this longer, evenly spread, without overtaking."""
    reorder: float = 0.0
    """Of waiting `reorder_ms` longer, so that others overtake it."""
    reorder_ms: float = 25.0
    duplicate: float = 0.0
    duplicate_ms: float = 5.0


CLEAN = Impairment()


class Delivered(msgspec.Struct, Generic[Packet], frozen=True):
    at_ns: int
    packet: Packet


class Network(Generic[Packet]):
    """Carries (time sent in ns, packet) and remembers what it lost."""

    def __init__(self, impairment: Impairment, seed: int) -> None:
        self._how = impairment
        self._random = random.Random(seed)
        self._in_burst = False
        self._last_ns = 0
        self.lost: list[Packet] = []

    def carry(self, sent: Iterable[tuple[int, Packet]]) -> list[Delivered[Packet]]:
        """All that arrives, in order of arrival."""
        arrived = [delivered for at_ns, packet in sent for delivered in self._one(at_ns, packet)]
        return sorted(arrived, key=lambda delivered: delivered.at_ns)

    def _one(self, at_ns: int, packet: Packet) -> Iterator[Delivered[Packet]]:
        if self._loses():
            self.lost.append(packet)
            return
        how = self._how
        arrival = at_ns + round((how.delay_ms + self._random.uniform(0, how.jitter_ms)) * MS)
        arrival = self._last_ns = max(arrival, self._last_ns)
        if self._random.random() < how.reorder:
            arrival += round(how.reorder_ms * MS)
        yield Delivered(arrival, packet)
        if self._random.random() < how.duplicate:
            yield Delivered(arrival + round(how.duplicate_ms * MS), packet)

    def _loses(self) -> bool:
        if self._in_burst:
            self._in_burst = self._random.random() >= 1 / self._how.burst_length
        else:
            self._in_burst = self._random.random() < self._how.burst
        return self._in_burst or self._random.random() < self._how.loss
