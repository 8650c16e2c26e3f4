"""The recorder's tap socket as a worker sees it: takes batches, acknowledges them or not."""

import asyncio
from pathlib import Path

from ipc.frames import FrameReader, frame
from recorder.wire import ACKNOWLEDGEMENT, BATCH, HELLO_SIZE, Kind, Record, unpack


class TapSocket:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._changed = asyncio.Condition()
        self.acknowledging = True
        self.hellos: list[bytes] = []
        self.numbers: list[int] = []
        self.records: list[Record] = []
        """Of each batch number once."""

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def stop(self) -> None:
        """As if the recorder were killed."""
        if self._server is not None:
            self._server.close()
        if self._writer is not None:
            self._writer.close()
        self._path.unlink(missing_ok=True)

    async def until(self, kind: Kind, count: int = 1, seconds: float = 5.0) -> None:
        """Waits until so many records of that kind have come."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.of(kind)) >= count)

    def of(self, kind: Kind, party: int | None = None) -> list[Record]:
        return [r for r in self.records if r.kind is kind and party in (None, r.party)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        frames = FrameReader()
        try:
            while data := await reader.read(65536):
                for payload in frames.feed(data):
                    await self._receive(payload, writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    async def _receive(self, payload: bytes, writer: asyncio.StreamWriter) -> None:
        if len(payload) == HELLO_SIZE:
            self.hellos.append(payload)
            return
        (number,) = BATCH.unpack_from(payload)
        if number not in self.numbers:
            self.records.extend(unpack(payload, BATCH.size))
        self.numbers.append(number)
        if self.acknowledging:
            writer.write(frame(ACKNOWLEDGEMENT.pack(number)))
        async with self._changed:
            self._changed.notify_all()
