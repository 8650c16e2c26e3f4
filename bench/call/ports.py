"""UDP sockets of one call: RTP, and RTCP on the next port; drained in batches, with the kernel's arrival times."""

import asyncio
import contextlib
import errno
import socket
import struct
import sys
import time
from collections.abc import Callable

from bench.call.errors import MediaError

Address = tuple[str, int]
OnDatagram = Callable[[bytes, Address, float], None]
BATCH = 64
MAX_DATAGRAM = 2048
_SO_TIMESTAMPNS = 35 if sys.platform == "linux" else 0
"""From Linux's asm-generic/socket.h; Python does not name it. Elsewhere the time of reading counts."""
_TIMESPEC = struct.Struct("@ll")
_TRIES = 64


def open_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """An even port for RTP and the odd one above it for RTCP (RFC 3550 §11). Raises MediaError."""
    for _ in range(_TRIES):
        first = open_udp(host, 0)
        port = first.getsockname()[1]
        if port % 2 == 0:
            with contextlib.suppress(MediaError):
                return first, open_udp(host, port + 1)
        first.close()
    raise MediaError(f"no two neighbouring UDP ports are free on {host}")


def open_udp(host: str, port: int) -> socket.socket:
    """Raises MediaError when the address is not ours or the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    endpoint = socket.socket(family, socket.SOCK_DGRAM)
    try:
        endpoint.setblocking(False)
        endpoint.bind((host, port))
        if _SO_TIMESTAMPNS:
            endpoint.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError as error:
        endpoint.close()
        raise MediaError(f"cannot open a UDP port on {host}: {error.strerror}") from None
    return endpoint


class Port:
    """One socket on the event loop."""

    def __init__(self, endpoint: socket.socket, on_datagram: OnDatagram) -> None:
        self._socket = endpoint
        self._on_datagram = on_datagram
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(endpoint.fileno(), self._drain)
        self.address: Address = endpoint.getsockname()[:2]
        self.send_errors = 0

    def send(self, data: bytes, to: Address) -> None:
        try:
            self._socket.sendto(data, to)
        except OSError:
            self.send_errors += 1

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _drain(self) -> None:
        offset = time.monotonic() - time.time()
        for _ in range(BATCH):
            try:
                data, ancillary, _, peer = self._socket.recvmsg(MAX_DATAGRAM, 64)
            except BlockingIOError:
                return
            except OSError as error:
                # An ICMP answer to what we sent shows up here; only a closed socket is the end.
                if error.errno == errno.EBADF:
                    return
                self.send_errors += 1
                continue
            self._on_datagram(data, peer[:2], _arrival(ancillary) + offset)


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            return float(seconds) + float(nanoseconds) * 1e-9
    return time.time()
