"""A relay on the way of one direction of media: seeded loss, duplication, reordering."""

import asyncio
import random
from dataclasses import dataclass

from bench.call.ports import Address, Port, open_udp
from bench.call.rtp import is_rtcp


@dataclass(frozen=True)
class Impairment:
    loss: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    """Share of packets that come 30 ms later, behind the next one."""
    seed: int = 1


class Relay:
    """Passes on what it gets to `target`."""

    def __init__(self, impairment: Impairment) -> None:
        self._impairment = impairment
        self._random = random.Random(impairment.seed)
        self._port = Port(open_udp("127.0.0.1", 0), self._pass)
        self._loop = asyncio.get_running_loop()
        self.target: Address | None = None
        self.sequences: list[int] = []
        """Of what was let through, in the order it came."""
        self.lost = self.doubled = self.delayed = 0

    def through(self, port: int) -> int:
        """The port to be told in place of `port`."""
        self.target = ("127.0.0.1", port)
        return int(self._port.address[1])

    def close(self) -> None:
        self._port.close()

    def _pass(self, data: bytes, peer: Address, arrival: float) -> None:
        if self.target is None:
            return
        if self._random.random() < self._impairment.loss:
            self.lost += not is_rtcp(data)
            return
        if not is_rtcp(data):
            self.sequences.append(int.from_bytes(data[2:4], "big"))
        if self._random.random() < self._impairment.late:
            self.delayed += 1
            self._loop.call_later(0.03, self._port.send, data, self.target)
            return
        self._port.send(data, self.target)
        if self._random.random() < self._impairment.twice:
            self.doubled += not is_rtcp(data)
            self._port.send(data, self.target)
