"""Lines in Python alone: what is used where the extension could not be built, and what it is compared with."""

import select
import socket
import struct
from collections.abc import Iterable, Iterator

import numpy as np

from recorder.wire import ADDRESS, pack_counters
from relay.errors import SrtpError
from relay.lines.batch import COLUMNS, RTCP, RTP, Batch, Column, Octets
from relay.lines.table import BATCH, MAX_DATAGRAM, Lines, Way
from relay.streams.rtp import HEADER_SIZE
from relay.tick import now_ns, wall_clock_ns
from relay.transport.address import Address
from relay.transport.demux import Kind, classify

SO_TIMESTAMPNS = 35
"""Linux, asm-generic/socket.h; Python has no name for it."""
EACH = 32
"""Datagrams taken from one socket before others have their turn."""
LONGEST_WAIT_NS = 1_000_000_000
_TIME = struct.Struct("qq")


class PlainLines(Lines):
    def __init__(self) -> None:
        super().__init__()
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._lines: dict[int, int] = {}
        """By descriptor."""
        self._ways: dict[int, Way] = {}
        self._refused: dict[int, int] = {}
        self._taps: dict[int, list[bytes]] = {}
        """Addresses of the records of tapped lines' packets."""
        self._records = bytearray()
        self._latest = 0
        self._batch = Batch(np.zeros((BATCH, MAX_DATAGRAM), np.uint8), np.zeros((COLUMNS, BATCH), np.int64))

    def shut(self) -> None:
        self._poll.close()

    def tap(self, line: int, addresses: bytes) -> None:
        self._taps[line] = [addresses[at : at + ADDRESS] for at in range(0, len(addresses), ADDRESS)]

    def records(self) -> tuple[bytes, int]:
        """As NativeLines.records."""
        records, latest = bytes(self._records), self._latest
        self._records.clear()
        self._latest = 0
        return records, latest

    def record(self, places: Column, counters: Column) -> None:
        """Makes records of the packets at these places of the batch, as far as their lines are tapped; `counters`:
        int64[places, 2], sequence number and timestamp of each, extended."""
        batch = self._batch
        if not any(self._taps.values()):
            return
        for place, (sequence, timestamp) in zip(places.tolist(), counters.tolist(), strict=True):
            if addresses := self._taps.get(int(batch.lines[place])):
                payload, arrival = batch.data(place)[HEADER_SIZE:], int(batch.arrivals[place])
                rest = pack_counters(arrival, sequence, timestamp, int(batch.ssrcs[place]), len(payload))
                self._records += b"".join(address + rest + payload for address in addresses)
                self._latest = max(self._latest, arrival)

    def _open(self, line: int, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sockets[line] = sock
        self._lines[sock.fileno()] = line
        self._poll.register(sock, select.EPOLLIN)

    def _lead(self, line: int, way: Way | None) -> None:
        self._ways.pop(line, None)
        if way is not None:
            self._ways[line] = way

    def _close(self, line: int) -> None:
        sock = self._sockets.pop(line)
        self._poll.unregister(sock)
        del self._lines[sock.fileno()]
        self._lead(line, None)
        self._refused.pop(line, None)
        self._taps.pop(line, None)

    def _receive(self) -> tuple[Batch, bool]:
        now = now_ns()
        # Of the wall clock only its distance from ours is wanted, at this moment.
        offset = now - wall_clock_ns()
        count = 0
        ready = self._poll.poll(0, BATCH // EACH)
        for descriptor, _ in ready:
            line = self._lines[descriptor]
            for data, source, stamp in _drain(self._sockets[line]):
                arrival = now if stamp is None else min(now, max(stamp + offset, now - LONGEST_WAIT_NS))
                let_through = self._let_through(line, data, source)
                if let_through is None:
                    self._refused[line] = self._refused.get(line, 0) + 1
                else:
                    kind, clear = let_through
                    self._batch.put(count, (line, kind, arrival), clear)
                    count += 1
        self._batch.fill(count)
        return self._batch, bool(ready)

    def _let_through(self, line: int, data: bytes, source: Address) -> tuple[int, bytes] | None:
        """The kind of a datagram and what it holds in clear."""
        way = self._ways.get(line)
        if way is None or source != way.remote:
            return None
        kind = classify(data)
        try:
            if kind is Kind.RTP:
                return RTP, data if way.srtp is None else way.srtp.unprotect(data)
            if kind is Kind.RTCP and way.mux:
                return RTCP, data if way.srtp is None else way.srtp.unprotect_rtcp(data)
        except SrtpError:
            return None
        return None

    def _discarded(self) -> Iterable[tuple[int, int]]:
        refused, self._refused = self._refused, {}
        return refused.items()

    def _send_columns(self, lines: Column, packets: Octets, sizes: Column) -> Iterable[tuple[int, Exception]]:
        return self._send(
            [
                (line, packet[:size].tobytes())
                for line, packet, size in zip(lines.tolist(), packets, sizes.tolist(), strict=True)
            ]
        )

    def _send(self, packets: list[tuple[int, bytes]]) -> Iterable[tuple[int, Exception]]:
        failed: list[tuple[int, Exception]] = []
        for line, packet in packets:
            way = self._ways.get(line)
            if way is None:
                continue
            try:
                data = packet if way.srtp is None else way.srtp.protect(packet)
                self._sockets[line].sendto(data, way.remote)
            except OSError:
                continue
            except SrtpError as error:
                failed.append((line, error))
        return failed


def _drain(sock: socket.socket) -> Iterator[tuple[bytes, Address, int | None]]:
    """Datagrams with their sources and when the kernel took them, in ns of the wall clock."""
    for _ in range(EACH):
        try:
            data, notes, _, source = sock.recvmsg(MAX_DATAGRAM, socket.CMSG_SPACE(_TIME.size))
        except OSError:
            return
        stamps = [_TIME.unpack(value) for level, kind, value in notes if len(value) == _TIME.size]
        yield data, (source[0], source[1]), stamps[0][0] * 1_000_000_000 + stamps[0][1] if stamps else None
