"""A TCP proxy that does what networks and services do on their bad days."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["", "refuse", "hang", "cut", "slow", "503", "nonsense"]
SLOW_RATE = 1000
"""Bytes a second, both ways."""
CUT_BYTES = 20_000
"""Of a request, until its connection is cut."""
UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nConnection: close\r\n\r\n"
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
NONSENSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
    b"<html><body>Welcome to your router. Please sign in.</body></html>"
)


class FaultProxy:
    """`fault` may be changed at any time; it is done to what is connected already, too."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.fault: Fault = ""
        self.faults = 0
        """How often the fault was done."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def set(self, fault: Fault) -> None:
        """From now on. Everything that is connected is cut off, so that it meets the new order of things."""
        self.fault = fault
        for writer in tuple(self._writers):
            writer.transport.abort()
        if fault == "refuse":
            await self._stop()
        elif self._server is None:
            await self.start()

    async def close(self) -> None:
        await self._stop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._relay(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fault in ("503", "nonsense"):
            await reader.readuntil(b"\r\n\r\n")
            self.faults += 1
            writer.write(UNAVAILABLE if self.fault == "503" else NONSENSE)
            await writer.drain()
            with contextlib.suppress(TimeoutError):  # a reset would take the answer along
                async with asyncio.timeout(0.2):
                    while await reader.read(65536):
                        continue
            return
        if self.fault == "hang":
            self.faults += 1
            while await reader.read(65536):
                continue
            return
        there, back = await asyncio.open_connection(*self._target)
        self._writers.add(back)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, back, self.fault == "cut"))
                group.create_task(self._pass_on(there, writer, False))
        except* OSError:
            pass
        finally:
            self._writers.discard(back)
            back.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, cut: bool) -> None:
        passed = 0
        size = SLOW_RATE // 10 if self.fault == "slow" else 65536
        while data := await source.read(size):
            passed += len(data)
            if cut and passed > CUT_BYTES:
                self.faults += 1
                raise ConnectionAbortedError
            sink.write(data)
            await sink.drain()
            if self.fault == "slow":
                self.faults += 1
                await asyncio.sleep(len(data) / SLOW_RATE)
        raise ConnectionAbortedError


@asynccontextmanager
async def fault_proxy(target: str) -> AsyncIterator[FaultProxy]:
    proxy = FaultProxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
