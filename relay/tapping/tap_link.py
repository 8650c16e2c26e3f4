"""The connection to the recorder's tap socket: kept up, re-sends what was not acknowledged.

A socket of its own rather than a stream of asyncio's: a tick now and then reads what was acknowledged and writes its
batch, so that nobody is woken in between, unless the socket is full.
"""

import asyncio
import contextlib
import secrets
import socket
from pathlib import Path

import structlog

from ipc.frames import FrameError, FrameReader, frame
from recorder.wire import ACKNOWLEDGEMENT, HELLO_SIZE
from relay.tapping.outbox import Outbox

RETRY_SECONDS = 0.1
BATCH_TICKS = 3
"""So many ticks make a batch: to hand over anything at all takes longer than its octets do. What a worker has not
handed over is lost with it, so it is 60 ms and not more."""
HEAR_EACH = 4
"""In so many flushes it is looked once for what was acknowledged: it only frees memory."""
_PARTS = 64
"""Given to the system at once."""
_ROOM = 1 << 20
"""Octets that the socket is asked to hold."""
log = structlog.get_logger()


class TapLink:
    """Sends the outbox's batches, in order, for as long as it runs."""

    def __init__(self, path: Path, outbox: Outbox) -> None:
        self._path = path
        self._outbox = outbox
        self._hello = secrets.token_bytes(HELLO_SIZE)
        self._task: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None
        self._frames = FrameReader()
        self._unsent: list[bytes] = []
        self._ticks = 0
        self._flushes = 0
        self._is_full = False
        """The socket is watched until it takes something again."""
        self._is_closing = False
        self._changed = asyncio.Event()
        """Something was acknowledged, or the connection is lost."""

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def tick(self, clock: int) -> None:
        """To be told of each tick, at its end: some of them flush."""
        self._ticks += 1
        if self._ticks % BATCH_TICKS == 0:
            self.flush(clock)

    def flush(self, clock: int) -> None:
        """Takes in what was acknowledged, and sends what was recorded since the last flush, as one batch."""
        batch = self._outbox.close_batch(clock)
        self._flushes += 1
        if self._socket is not None and self._flushes % HEAR_EACH == 0:
            self._read()
        if self._socket is not None:  # else it is sent when there is a connection
            self._unsent += batch
            if self._unsent and not self._is_full:
                self._write()

    async def close(self, seconds: float) -> None:
        """Waits at most so long for what is not yet acknowledged."""
        self._is_closing = True
        if self._socket is not None:
            asyncio.get_running_loop().add_reader(self._socket, self._read)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._outbox.is_empty:
                    self._changed.clear()
                    await self._changed.wait()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                await self._talk()
            await asyncio.sleep(RETRY_SECONDS)

    async def _talk(self) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
            await loop.sock_connect(sock, str(self._path))
            log.info("= taps connected")
            self._socket, self._frames, self._is_full = sock, FrameReader(), False
            self._unsent = [frame(self._hello), *self._outbox.unacknowledged()]
            try:
                if self._is_closing:
                    loop.add_reader(sock, self._read)
                self._write()
                while self._socket is not None:
                    self._changed.clear()
                    await self._changed.wait()
            finally:
                self._lose()

    def _read(self) -> None:
        assert self._socket is not None, "nobody reads without one"
        try:
            data = self._socket.recv(4096)
            if not data:
                raise ConnectionResetError("the recorder is gone")
            for payload in self._frames.feed(data):
                self._acknowledge(payload)
            self._changed.set()
        except BlockingIOError:
            return
        except (OSError, FrameError) as error:
            log.warning("x taps disconnected", error=str(error))
            self._lose()

    def _write(self) -> None:
        if self._socket is None:
            return
        try:
            while self._unsent:
                self._unsent = _after(self._socket.sendmsg(self._unsent[:_PARTS]), self._unsent)
        except BlockingIOError:
            if not self._is_full:
                self._is_full = True
                asyncio.get_running_loop().add_writer(self._socket, self._write)
            return
        except OSError as error:
            log.warning("x taps disconnected", error=str(error))
            self._lose()
            return
        if self._is_full:
            self._is_full = False
            asyncio.get_running_loop().remove_writer(self._socket)

    def _lose(self) -> None:
        """`_talk` closes the socket, and another connection is made."""
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._socket = None
        self._unsent.clear()
        self._changed.set()

    def _acknowledge(self, payload: bytes) -> None:
        if len(payload) != ACKNOWLEDGEMENT.size:
            raise FrameError("not an acknowledgement")
        self._outbox.acknowledge(ACKNOWLEDGEMENT.unpack(payload)[0])


def _after(sent: int, parts: list[bytes]) -> list[bytes]:
    """What is left of them when so many octets are gone."""
    for number, part in enumerate(parts):
        if sent < len(part):
            return [part[sent:], *parts[number + 1 :]]
        sent -= len(part)
    return []
