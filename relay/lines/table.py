"""Lines: the sockets of RTP legs with their peers and keys, received from and sent to in batches.

Only what came from a line's own peer and is authentic under its keys is let through, in clear and with the time at
which the kernel took it, so that nobody has to be woken for a packet. A batch is offered as columns first (Express);
what is left of it is handed to the receivers of its lines one by one.
"""

import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Protocol

import msgspec

from relay.lines.batch import RTCP, Batch, Column, Octets
from relay.transport.address import Address
from relay.transport.srtp import Srtp

BATCH = 256
"""Datagrams taken at once."""
ROUNDS = 16
"""Batches taken in one call of `receive`; what is left after so many waits for the next."""
MAX_DATAGRAM = 2048


class Receiver(Protocol):
    """Who gets what a line let through. A fault of its methods is told to itself."""

    def receive_rtp(self, data: bytes, arrival_ns: int) -> None:
        """An RTP packet in clear, authenticated where the leg is encrypted."""

    def receive_rtcp(self, data: bytes, arrival_ns: int) -> None:
        """An RTCP compound, likewise."""

    def discard(self, datagrams: int = 1) -> None:
        """So many datagrams were not let through."""

    def fault(self, error: Exception) -> None:
        """An error of this program; it ends nothing."""


class Way(msgspec.Struct, frozen=True):
    """Where a line leads."""

    remote: Address
    srtp: Srtp | None = None
    mux: bool = False
    """RTCP comes on this socket, too (RFC 5761)."""


class Express(Protocol):
    """Who takes whole columns of packets."""

    def take(self, batch: Batch) -> Iterable[int]:
        """Deals with what is his, and may forward it; returns the places of all else, in their order."""

    def wait(self, other: int, until_ns: int) -> tuple[Batch, Iterable[int], int] | None:
        """Does so with whatever comes until then; returns early, if there is something else, or `other` (a descriptor)
        can be read. The batch of which places are left, and for how long nothing was done in ns; None: he cannot."""


class Lines(ABC):
    """All lines of a worker. `post` what is to be sent, `flush` to send it; `receive` to hand on what has come."""

    def __init__(self) -> None:
        self.express: Express | None = None
        self._receivers: dict[int, Receiver] = {}
        self._posted: list[tuple[int, bytes]] = []
        self._free: list[int] = []
        self._closed: list[int] = []
        self._made = 0

    def open(self, sock: socket.socket, receiver: Receiver) -> int:
        """A line on a bound socket, which stays the caller's. It leads nowhere yet, and all that comes is discarded."""
        line = self._free.pop() if self._free else self._made
        self._made = max(self._made, line + 1)
        self._receivers[line] = receiver
        self._open(line, sock)
        return line

    def lead(self, line: int, way: Way | None) -> None:
        """From now on the line leads there; None: nowhere. What was posted before goes the former way."""
        self.flush()
        self._lead(line, way)

    def close(self, line: int) -> None:
        """To be called before the socket is closed. What was posted is sent."""
        self.flush()
        self._close(line)
        del self._receivers[line]
        # Something of it may still be in the batch that is being handed on.
        self._closed.append(line)

    def receive(self) -> None:
        """Hands on what has come, each line's in its order."""
        for _ in range(ROUNDS):
            batch, full = self._receive()
            if len(batch):
                for place in range(len(batch)) if self.express is None else self.express.take(batch):
                    self._hand_on(batch, place)
            if not full:
                break
        for line, datagrams in self._discarded():
            if (receiver := self._receivers.get(line)) is not None:
                receiver.discard(datagrams)
        if self._closed:
            self._free += self._closed
            self._closed = []

    def wait(self, other: int, until_ns: int) -> int:
        """Lets the express take what comes until then, as long as it is his and `other` (a descriptor) cannot be read;
        returns for how many ns nothing was done. 0: it was not waited."""
        if self.express is None or (waited := self.express.wait(other, until_ns)) is None:
            return 0
        batch, left, slept_ns = waited
        for place in left:
            self._hand_on(batch, place)
        return slept_ns

    def post(self, line: int, packet: bytes) -> None:
        """An RTP packet in clear, of MAX_DATAGRAM octets at most, to be protected and sent with the next `flush`."""
        self._posted.append((line, packet))

    def flush(self) -> None:
        """What the system does not take now is lost, as on the way."""
        if self._posted:
            posted, self._posted = self._posted, []
            self.tell_failed(self._send(posted))

    def forward(self, packets: list[tuple[int, bytes]]) -> None:
        """Packets in clear go out on lines at once, though others may have been posted."""
        self.tell_failed(self._send(packets))

    def tell_failed(self, failed: Iterable[tuple[int, Exception]]) -> None:
        """What could not be protected is the fault of its line's receiver."""
        for line, error in failed:
            self._receivers[line].fault(error)

    @abstractmethod
    def tap(self, line: int, addresses: bytes) -> None:
        """From now on each packet of the line that is taken by a run becomes a record for each of these addresses, of
        recorder.wire.ADDRESS octets; none: it becomes none. Raises MemoryError."""

    @abstractmethod
    def records(self) -> tuple[bytes, int]:
        """Those records since the last call, in the order of their packets, and when the latest of these came. Raises
        MemoryError when there was no room for some."""

    def send(self, lines: Column, packets: Octets, sizes: Column) -> None:
        """Packets in clear, uint8[n, any number] of which so many octets each, go out on these lines at once, after
        what was posted."""
        self.flush()
        self.tell_failed(self._send_columns(lines, packets, sizes))

    @abstractmethod
    def shut(self) -> None:
        """Gives back what the table itself holds; all lines are closed."""

    @abstractmethod
    def _open(self, line: int, sock: socket.socket) -> None: ...

    @abstractmethod
    def _lead(self, line: int, way: Way | None) -> None: ...

    @abstractmethod
    def _close(self, line: int) -> None: ...

    @abstractmethod
    def _receive(self) -> tuple[Batch, bool]:
        """What has come, and whether there may be more."""

    @abstractmethod
    def _discarded(self) -> Iterable[tuple[int, int]]:
        """Lines and how many of their datagrams were not let through since the last call."""

    @abstractmethod
    def _send(self, packets: list[tuple[int, bytes]]) -> Iterable[tuple[int, Exception]]:
        """Returns what could not be protected."""

    @abstractmethod
    def _send_columns(self, lines: Column, packets: Octets, sizes: Column) -> Iterable[tuple[int, Exception]]:
        """Likewise."""

    def _hand_on(self, batch: Batch, place: int) -> None:
        receiver = self._receivers.get(int(batch.lines[place]))
        if receiver is None:
            return
        data, arrival_ns = batch.data(place), int(batch.arrivals[place])
        try:
            if batch.kinds[place] == RTCP:
                receiver.receive_rtcp(data, arrival_ns)
            else:
                receiver.receive_rtp(data, arrival_ns)
        except Exception as error:  # one leg's fault must not silence the worker
            receiver.fault(error)
