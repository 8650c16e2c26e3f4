"""Sends the script in real time and keeps all that comes back; nothing is looked at while it runs."""

import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bench.load.batches import Arrivals, Batch, BatchSocket, Octets
from bench.load.script import Line, Script

SLOTS = 10
"""Turns in 20 ms: callers do not all speak at one moment."""
_TURN_NS = 20_000_000 // SLOTS
_DRAIN_NS = 200_000_000
_SPARE, _BEFORE = 1.25, 1500
"""What comes back may be so many times what was sent, and so many packets a leg before that; the rest is dropped, and
counted."""


@dataclass
class Log:
    """What came back, one row a datagram, in order of arrival."""

    legs: npt.NDArray[np.int32]
    """Numbers of the legs, by the port that the datagram came from; -1: of none."""
    at_ns: npt.NDArray[np.int64]
    """System clock (CLOCK_REALTIME)."""
    sizes: npt.NDArray[np.int64]
    data: Octets
    sent_ns: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    """When frame i of leg j was sent."""
    unsent: int = 0
    """Packets that the system did not take."""
    dropped: int = 0
    """Datagrams that were lost in this process's own socket."""
    late_ms: float = 0.0
    """How late the latest turn was: the load's own fault."""

    def between(self, first_ns: int, last_ns: int) -> "Log":
        """The arrivals within a time."""
        chosen = (self.at_ns >= first_ns) & (self.at_ns < last_ns)
        return Log(
            self.legs[chosen], self.at_ns[chosen], self.sizes[chosen], self.data[chosen],
            self.sent_ns, self.unsent, self.dropped, self.late_ms,
        )  # fmt: skip


class Driver:
    """`run` blocks for as long as the script lasts: it belongs into a thread."""

    def __init__(self, sock: BatchSocket, lines: list[Line], script: Script) -> None:
        self._socket = sock
        self._script = script
        self._batch = Batch([line.remote for line in lines])
        self._columns = [len(lines) * slot // SLOTS for slot in range(SLOTS + 1)]
        self._leg_of = np.full(65536, -1, np.int32)
        for line in lines:
            self._leg_of[line.remote[1]] = line.leg.number
        self._log = _empty(int(script.sizes.size * _SPARE) + _BEFORE * len(lines), sock.width)
        self._count = 0
        self._sent = np.zeros((script.frames, SLOTS), np.int64)
        self._stopped = False

    def stop(self) -> None:
        """From another thread: `run` returns within a frame or two."""
        self._stopped = True

    def run(self) -> Log:
        """The whole script, then a moment for what is still on its way."""
        self._take()  # what the server has sent since the legs are there: SRTP counts from its first packet
        began = time.monotonic_ns() + _TURN_NS
        for frame in range(self._script.frames):
            if self._stopped:
                break
            self._batch.point(self._script.data[frame], self._script.sizes[frame])
            for slot in range(SLOTS):
                self._wait(began + (frame * SLOTS + slot) * _TURN_NS)
                self._turn(frame, slot)
        self._wait(time.monotonic_ns() + _DRAIN_NS)
        self._take()
        return self._finish()

    def _turn(self, frame: int, slot: int) -> None:
        first, last = self._columns[slot], self._columns[slot + 1]
        self._sent[frame, slot] = time.time_ns()
        self._log.unsent += last - first - self._socket.send(self._batch, first, last)
        self._take()

    def _wait(self, until_ns: int) -> None:
        left = until_ns - time.monotonic_ns()
        if left > 0:
            time.sleep(left / 1e9)
        else:
            self._log.late_ms = max(self._log.late_ms, -left / 1e6)

    def _take(self) -> None:
        while (arrived := self._socket.receive()) is not None:
            self._keep(arrived)

    def _keep(self, arrived: Arrivals) -> None:
        count = min(len(arrived.ports), len(self._log.legs) - self._count)
        to = slice(self._count, self._count + count)
        self._log.legs[to] = self._leg_of[arrived.ports[:count]]
        self._log.at_ns[to] = arrived.at_ns[:count]
        self._log.sizes[to] = arrived.sizes[:count]
        self._log.data[to] = arrived.data[:count]
        self._log.dropped += len(arrived.ports) - count
        self._count += count

    def _finish(self) -> Log:
        log, count = self._log, self._count
        slots = np.repeat(np.arange(SLOTS), np.diff(self._columns))
        return Log(
            log.legs[:count], log.at_ns[:count], log.sizes[:count], log.data[:count],
            self._sent[:, slots], log.unsent, log.dropped + self._socket.dropped, log.late_ms,
        )  # fmt: skip


def _empty(room: int, width: int) -> Log:
    return Log(
        np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int64), np.empty((room, width), np.uint8)
    )
