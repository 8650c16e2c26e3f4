"""One client's connection: everything that is sent on it waits in one bounded queue, in order."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

MAX_WAITING = 1 << 20
"""Bytes that may wait for a client that does not read, before it is cut."""
CLOSE_TIMEOUT = 5.0
"""Seconds for a client to read what waits and to answer the close."""

log = structlog.get_logger()


class Line:
    """Sends without ever blocking the caller. A client that does not read is cut; it can resume."""

    def __init__(self, socket: ServerConnection, is_text: Callable[[bytes], bool] = lambda data: True) -> None:
        """`is_text`: whether a message goes as text, which must be UTF-8, or else as binary."""
        self.socket = socket
        self._is_text = is_text
        self._queue: asyncio.Queue[bytes | tuple[int, str]] = asyncio.Queue()
        self._waiting = 0
        self.closing = False
        """Nothing more is sent."""

    def send(self, data: bytes) -> None:
        if self.closing:
            return
        self._waiting += len(data)
        if self._waiting > MAX_WAITING:
            log.warning("x softphone does not read", waiting=self._waiting)
            self.cut()
            return
        self._queue.put_nowait(data)

    def close(self, code: int, reason: str) -> None:
        """Closes when everything before it was sent; cuts a client that takes too long. The first reason counts."""
        if self.closing:
            return
        self.closing = True
        self._queue.put_nowait((code, reason))
        asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self.cut)

    def cut(self) -> None:
        """Drops the connection at once, without a word."""
        self.closing = True
        self._queue.put_nowait((CloseCode.ABNORMAL_CLOSURE, ""))
        self.socket.transport.abort()

    async def run(self) -> None:
        """Writes until the connection is closed by either side."""
        with contextlib.suppress(ConnectionClosed):
            while isinstance(item := await self._queue.get(), bytes):
                await self.socket.send(item, text=self._is_text(item))
                self._waiting -= len(item)
            await self.socket.close(*item)
