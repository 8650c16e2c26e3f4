"""UDP sockets drained in batches, and the range of ports that legs take theirs from."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable

from relay.errors import NoPort
from relay.tick import now_ns
from relay.transport.address import Address
from relay.transport.socket_filter import drop_longer

BATCH = 64
"""Datagrams taken from one socket before others have their turn."""
MAX_DATAGRAM = 2048
SHARED_BUFFER = 1 << 20

Receive = Callable[[bytes, Address, int], None]
"""(datagram, source, arrival in ns on the worker's clock)"""


class UdpSocket:
    """A bound socket whose datagrams are handed to `receive` one by one, in order."""

    def __init__(self, sock: socket.socket, receive: Receive) -> None:
        self._socket = sock
        self._receive = receive
        self.address = address_of(sock)
        self.send_errors = 0
        self._reads = True
        asyncio.get_running_loop().add_reader(sock, self._drain)

    def send(self, data: bytes, to: Address) -> None:
        """Never blocks: what the system does not take now is lost, as on the way."""
        try:
            self._socket.sendto(data, to)
        except OSError:  # full, unreachable, refused: each is loss of one datagram, and counted
            self.send_errors += 1

    def release(self) -> None:
        """Reads no more, and leaves the socket to its owner, with what waits in it."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._reads = False

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            del self._receive  # whoever receives has this socket: neither would be freed before a garbage collection

    def _drain(self) -> None:
        arrival = now_ns()
        for _ in range(BATCH):
            try:
                data, source = self._socket.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier send; the next call goes on
                continue
            self._receive(data, _canonical(source), arrival)
            if not self._reads or self._socket.fileno() < 0:
                return


class PortRange:
    """Even RTP ports and the odd RTCP ports above them (RFC 3550 section 11), taken in turn."""

    def __init__(self, first: int, last: int) -> None:
        self._ports = range(first + first % 2, last, 2)
        self._next = 0

    def bind_pair(self, address: str) -> tuple[socket.socket, socket.socket]:
        """Two bound sockets. Raises NoPort."""
        for offset in range(len(self._ports)):
            port = self._ports[(self._next + offset) % len(self._ports)]
            if (pair := _try_pair(address, port)) is not None:
                # Ports are used in turn, so that stragglers of an ended call do not reach the next one.
                self._next = (self._next + offset + 1) % len(self._ports)
                return pair
        raise NoPort("no port of the range is free")


def bind(address: str, port: int, buffer: int = 0) -> socket.socket:
    """A non-blocking socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        drop_longer(sock, MAX_DATAGRAM)
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.bind((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _try_pair(address: str, port: int) -> tuple[socket.socket, socket.socket] | None:
    with contextlib.ExitStack() as stack:
        pair = []
        for number in (port, port + 1):
            try:
                sock = bind(address, number)
            except OSError as error:
                if error.errno in (errno.EADDRINUSE, errno.EACCES):
                    return None
                raise NoPort("the address cannot be listened on") from None
            pair.append(sock)
            stack.callback(sock.close)
        stack.pop_all()
        return pair[0], pair[1]


def address_of(sock: socket.socket) -> Address:
    """Where a socket is bound."""
    return _canonical(sock.getsockname())


def _canonical(name: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    return name[0], name[1]
