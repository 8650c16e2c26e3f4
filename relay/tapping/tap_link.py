"""The connection to the recorder's tap socket: kept up, re-sends what was not acknowledged."""

import asyncio
import contextlib
import secrets
from pathlib import Path

import structlog

from ipc.frames import FrameError, FrameReader, frame
from recorder.wire import ACKNOWLEDGEMENT, HELLO_SIZE
from relay.tapping.outbox import Outbox

RETRY_SECONDS = 0.1
log = structlog.get_logger()


class TapLink:
    """Sends the outbox's batches, in order, for as long as it runs."""

    def __init__(self, path: Path, outbox: Outbox) -> None:
        self._path = path
        self._outbox = outbox
        self._hello = secrets.token_bytes(HELLO_SIZE)
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._acknowledged = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    def flush(self, clock: int) -> None:
        """Sends what was recorded since the last flush, as one batch."""
        data = self._outbox.close_batch(clock)
        # One that is closing refuses to be written to, until `_talk` notices; the batch is sent again anyway.
        if data is not None and self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)

    async def close(self, seconds: float) -> None:
        """Waits at most so long for what is not yet acknowledged."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._outbox.is_empty:
                    self._acknowledged.clear()
                    await self._acknowledged.wait()
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
        reader, writer = await asyncio.open_unix_connection(self._path)
        log.info("= taps connected")
        try:
            writer.write(frame(self._hello))
            writer.writelines(self._outbox.unacknowledged())
            self._writer = writer
            # ValueError: an acknowledgement of a length that is none, or a frame that is too long.
            with contextlib.suppress(OSError, FrameError, ValueError):
                await self._read(reader)
            log.warning("x taps disconnected")
        finally:
            self._writer = None
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        frames = FrameReader()
        while data := await reader.read(4096):
            for payload in frames.feed(data):
                self._acknowledge(payload)

    def _acknowledge(self, payload: bytes) -> None:
        if len(payload) != ACKNOWLEDGEMENT.size:
            raise FrameError("not an acknowledgement")
        self._outbox.acknowledge(ACKNOWLEDGEMENT.unpack(payload)[0])
        self._acknowledged.set()
