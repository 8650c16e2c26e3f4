"""Datagrams by the batch: sendmmsg and recvmmsg of Linux, called through cffi without a compiler.

One system call moves what one turn of the load has to move, so that a few per cent of a core drive hundreds of legs.
Arrival is the kernel's own time stamp: how late this process looks at its socket does not matter."""

import socket
from dataclasses import dataclass
from typing import Any

import cffi
import numpy as np
import numpy.typing as npt

Octets = npt.NDArray[np.uint8]
Address = tuple[str, int]

RING = 512
"""Datagrams taken by one system call."""
_CONTROL = 64
_BUFFER = 64 << 20
_SO_TIMESTAMPNS, _SO_MEMINFO = 35, 55
_FORCED = {socket.SO_SNDBUF: 32, socket.SO_RCVBUF: 33}
"""SO_SNDBUFFORCE and SO_RCVBUFFORCE beside the options that they force."""
_DROPS = 8
"""The place of dropped datagrams in SO_MEMINFO."""
_HEADER = np.dtype(
    [
        ("name", "u8"), ("name_size", "u4"), ("_1", "u4"), ("parts", "u8"), ("part_count", "u8"),
        ("control", "u8"), ("control_size", "u8"), ("flags", "i4"), ("_2", "u4"), ("size", "u4"), ("_3", "u4"),
    ]
)  # fmt: skip
_PART = np.dtype([("base", "u8"), ("size", "u8")])
_NAME = np.dtype([("family", "u2"), ("port", ">u2"), ("address", "V4"), ("_", "V8")])
_STAMP = np.dtype([("size", "u8"), ("level", "i4"), ("kind", "i4"), ("s", "i8"), ("ns", "i8"), ("_", "V32")])
assert (_HEADER.itemsize, _NAME.itemsize, _STAMP.itemsize) == (64, 16, _CONTROL)

# cffi's types know no library that is opened at run time.
_ffi: Any = cffi.FFI()
_ffi.cdef("""
    int sendmmsg(int fd, void *messages, unsigned int count, int flags);
    int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout);
""")
_lib: Any = _ffi.dlopen(None)


@dataclass(frozen=True)
class Arrivals:
    """What one call took; views that the next call overwrites."""

    ports: npt.NDArray[np.uint16]
    """Of the senders."""
    at_ns: npt.NDArray[np.int64]
    """By the system's clock (CLOCK_REALTIME)."""
    sizes: npt.NDArray[np.uint32]
    data: Octets
    """One row a datagram, cut at the width of a row."""


class BatchSocket:
    """A bound IPv4 UDP socket. `width`: what is kept of a datagram. Raises OSError when the address cannot be had."""

    def __init__(self, address: str, width: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind((address, 0))
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._grow()
        except BaseException:
            self._socket.close()
            raise
        self.width = width
        self._data = np.zeros((RING, width), np.uint8)
        self._names = np.zeros(RING, _NAME)
        self._stamps = np.zeros(RING, _STAMP)
        self._incoming = _headers(self._names, _parts(self._data, np.full(RING, width)), RING)
        self._incoming["control"] = self._stamps.ctypes.data + _CONTROL * np.arange(RING)

    @property
    def address(self) -> Address:
        host, port = self._socket.getsockname()
        return host, port

    @property
    def dropped(self) -> int:
        """Datagrams that found this socket full: a fault of the load, not of the server."""
        return int(np.frombuffer(self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36), np.uint32)[_DROPS])

    def send(self, batch: "Batch", first: int, last: int) -> int:
        """Sends messages `first` to `last` of a batch, the last not included; how many the system took."""
        done = 0
        while first + done < last:
            start = _ffi.cast("void *", batch.headers.ctypes.data + 64 * (first + done))
            count = _lib.sendmmsg(self._socket.fileno(), start, last - first - done, 0)
            if count <= 0:
                return done
            done += count
        return done

    def receive(self) -> Arrivals | None:
        """What has come since, at most RING; None when nothing has."""
        self._incoming["name_size"] = 16
        self._incoming["control_size"] = _CONTROL
        start = _ffi.cast("void *", self._incoming.ctypes.data)
        count = _lib.recvmmsg(self._socket.fileno(), start, RING, 0, _ffi.NULL)
        if count <= 0:
            return None
        stamps = self._stamps[:count]
        at = stamps["s"] * 1_000_000_000 + stamps["ns"]
        return Arrivals(self._names["port"][:count], at, self._incoming["size"][:count], self._data[:count])

    def close(self) -> None:
        self._socket.close()

    def _grow(self) -> None:
        """Both ways: on the loopback interface what a server has not taken yet still counts as being sent."""
        for usual, forced in _FORCED.items():
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, forced, _BUFFER)
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, usual, _BUFFER)  # as much as the system allows


class Batch:
    """A message to each of many addresses, whose contents are pointed at anew before each sending."""

    def __init__(self, to: list[Address]) -> None:
        self._names = np.zeros(len(to), _NAME)
        self._names["family"] = socket.AF_INET
        self._names["port"] = [port for _, port in to]
        packed = b"".join(socket.inet_aton(host) for host, _ in to)
        self._names["address"] = np.frombuffer(packed, "V4")
        self._parts = np.zeros(len(to), _PART)
        self.headers = _headers(self._names, self._parts, len(to))

    def point(self, data: Octets, sizes: npt.NDArray[np.int64]) -> None:
        """Message i is the first `sizes[i]` octets of row i of `data`, which must stay where it is."""
        self._parts["base"] = data.ctypes.data + data.strides[0] * np.arange(len(self._parts))
        self._parts["size"] = sizes


def _parts(data: Octets, sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.void]:
    parts = np.zeros(len(data), _PART)
    parts["base"] = data.ctypes.data + data.strides[0] * np.arange(len(data))
    parts["size"] = sizes
    return parts


class _Headers(np.ndarray[Any, Any]):
    """Keeps alive what its addresses point to."""

    held: tuple[Any, ...]


def _headers(names: npt.NDArray[np.void], parts: npt.NDArray[np.void], count: int) -> Any:
    headers = np.zeros(count, _HEADER).view(_Headers)
    headers["name"] = names.ctypes.data + _NAME.itemsize * np.arange(count)
    headers["name_size"] = _NAME.itemsize
    headers["parts"] = parts.ctypes.data + _PART.itemsize * np.arange(count)
    headers["part_count"] = 1
    headers.held = (names, parts)
    return headers
