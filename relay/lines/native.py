"""Lines by the C extension: one call for a batch of datagrams."""

import os
import socket
from collections.abc import Iterable
from typing import Any

import numpy as np

from recorder.wire import OVERHEAD
from relay.errors import SrtpError
from relay.lines._native import ffi, lib
from relay.lines.batch import COLUMNS, Batch, Column, Octets
from relay.lines.table import Lines, Way
from relay.transport.srtp import functions

_SENT_AT_ONCE = 256

if (getattr(lib, "COLUMNS", None), getattr(lib, "OVERHEAD", None)) != (COLUMNS, OVERHEAD) or not hasattr(
    lib, "runs_decode"
):
    raise ImportError("the extension was built of other sources than these")


class NativeLines(Lines):
    """Raises MemoryError if the table cannot be made."""

    def __init__(self) -> None:
        super().__init__()
        made = lib.lines_new(*map(_pointer, functions()))
        if made == ffi.NULL:
            raise MemoryError("no table of lines")
        self._table = ffi.gc(made, lib.lines_free)
        octets = np.frombuffer(ffi.buffer(lib.lines_data(made), lib.BATCH * lib.STRIDE), np.uint8)
        columns = np.frombuffer(ffi.buffer(lib.lines_columns(made), lib.COLUMNS * lib.BATCH * 8), np.int64)
        self._batch = Batch(octets.reshape(lib.BATCH, lib.STRIDE), columns.reshape(COLUMNS, lib.BATCH))
        self._numbers, self._counts = (ffi.new("int[]", lib.BATCH) for _ in range(2))
        self._more = ffi.new("int *")
        self._latest = ffi.new("int64_t *")
        self._failed = ffi.new("int[]", _SENT_AT_ONCE)
        self._ways: dict[int, Way] = {}
        """Keeps the sessions alive that the table points to."""

    @property
    def table(self) -> Any:
        """The `lines *` of relay/lines/_native.c, until `shut`."""
        return self._table

    def shut(self) -> None:
        if self._table is not None:
            ffi.release(self._table)
            self._table = None

    def tap(self, line: int, addresses: bytes) -> None:
        if lib.lines_tap(self._table, line, addresses, len(addresses)):
            raise MemoryError("no room for the addresses of taps")

    def records(self) -> tuple[bytes, int]:
        """Of the packets of tapped lines that runs have taken since the last call, and when the latest of them came.
        Raises MemoryError when there was no room for some of them."""
        size = lib.lines_recorded(self._table, self._latest)
        if size < 0:
            raise MemoryError("no room for records")
        return bytes(ffi.buffer(lib.lines_records(self._table), size)) if size else b"", self._latest[0]

    def _open(self, line: int, sock: socket.socket) -> None:
        if (error := -lib.lines_open(self._table, line, sock.fileno())) != 0:
            raise OSError(error, os.strerror(error))

    def _lead(self, line: int, way: Way | None) -> None:
        lib.lines_lead_nowhere(self._table, line)
        self._ways.pop(line, None)
        if way is None:
            return
        try:
            address = socket.inet_pton(socket.AF_INET6 if ":" in way.remote[0] else socket.AF_INET, way.remote[0])
        except OSError:
            return
        inbound, outbound = (ffi.NULL, ffi.NULL) if way.srtp is None else map(_pointer, way.srtp.pointers())
        lib.lines_lead(self._table, line, address, len(address), way.remote[1], way.mux, inbound, outbound)
        self._ways[line] = way

    def _close(self, line: int) -> None:
        lib.lines_close(self._table, line)
        self._ways.pop(line, None)

    def filled(self, count: int) -> Batch:
        """The batch, of which the columns tell of so many datagrams now."""
        self._batch.fill(count)
        return self._batch

    def _receive(self) -> tuple[Batch, bool]:
        return self.filled(lib.lines_receive(self._table, self._more)), bool(self._more[0])

    def _discarded(self) -> Iterable[tuple[int, int]]:
        count = lib.lines_take_discarded(self._table, self._numbers, self._counts)
        return zip(ffi.unpack(self._numbers, count), ffi.unpack(self._counts, count), strict=True) if count else ()

    def _send_columns(self, lines: Column, packets: Octets, sizes: Column) -> Iterable[tuple[int, Exception]]:
        failed: list[tuple[int, Exception]] = []
        for start in range(0, len(lines), _SENT_AT_ONCE):
            at_once = slice(start, start + _SENT_AT_ONCE)
            part, lengths = lines[at_once], sizes[at_once]
            columns = (ffi.from_buffer("int[]", column.astype(np.int32)) for column in (part, lengths))
            octets = ffi.from_buffer("uint8_t[]", _end_to_end(packets[at_once], lengths))
            lib.lines_send(self._table, len(part), *columns, octets, self._failed)
            failed += _failures(part.tolist(), ffi.unpack(self._failed, len(part)))
        return failed

    def _send(self, packets: list[tuple[int, bytes]]) -> Iterable[tuple[int, Exception]]:
        failed: list[tuple[int, Exception]] = []
        for start in range(0, len(packets), _SENT_AT_ONCE):
            part = packets[start : start + _SENT_AT_ONCE]
            numbers = [number for number, _ in part]
            data = [packet for _, packet in part]
            lib.lines_send(self._table, len(part), numbers, [*map(len, data)], b"".join(data), self._failed)
            failed += _failures(numbers, ffi.unpack(self._failed, len(part)))
        return failed


def _end_to_end(packets: Octets, sizes: Column) -> Octets:
    """Those octets that count."""
    width = packets.shape[1]
    if (sizes == width).all():
        return np.ascontiguousarray(packets)
    return packets[sizes[:, None] > np.arange(width)]


def _failures(numbers: list[int], statuses: list[int]) -> list[tuple[int, Exception]]:
    if not any(statuses):
        return []
    return [
        (number, SrtpError(f"not protected: status {status}"))
        for number, status in zip(numbers, statuses, strict=True)
        if status
    ]


def _pointer(address: int) -> Any:
    return ffi.cast("void *", address)
