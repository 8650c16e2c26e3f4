"""The answering end of a Unix socket: each request gets one reply or one failure, every client gets every event."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from ipc.faults import told
from ipc.frames import FrameError, FrameReader, frame
from ipc.listening import listen
from ipc.messages import (
    Command,
    Event,
    Failure,
    Notice,
    Refusal,
    Reply,
    Request,
    decode_envelope,
    decoder,
    encode,
    wrap,
)

Handler = Callable[[Any], Awaitable[msgspec.Struct]]
log = structlog.get_logger()


class Server:
    """Answers commands of the union `commands` through `handle`; tells `on_clients` how many clients are there."""

    def __init__(self, commands: Any, handle: Handler, on_clients: Callable[[int], None] | None = None) -> None:
        self._decoder = decoder(commands)
        self._handle = handle
        self._on_clients = on_clients
        self._writers: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        """Listens on the socket, which only our own user may open."""
        self._server = await listen(path, self._serve)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()
        for task in self._tasks:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    def publish(self, *events: Event) -> None:
        """Sends the events to every client there is now, all in one piece."""
        data = b"".join([frame(encode(Notice(wrap(event)))) for event in events])
        for writer in self._writers:
            if not writer.is_closing():  # gone, and not noticed yet
                writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        self._writers.add(writer)
        self._count_clients()
        frames = FrameReader()
        try:
            while data := await reader.read(65536):
                for payload in frames.feed(data):
                    self._begin(payload, writer)
        except (ConnectionError, FrameError, msgspec.MsgspecError) as error:
            log.warning("x control connection", error=str(error))
        finally:
            self._writers.discard(writer)
            writer.close()
            self._count_clients()

    def _count_clients(self) -> None:
        if self._on_clients is not None:
            self._on_clients(len(self._writers))

    def _begin(self, payload: bytes, writer: asyncio.StreamWriter) -> None:
        request = decode_envelope(payload)
        if not isinstance(request, Request):
            raise FrameError("a client may only send requests")
        task = asyncio.get_running_loop().create_task(self._answer(request, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        reply = await self._reply(request)
        if not writer.is_closing():
            writer.write(frame(encode(reply)))

    async def _reply(self, request: Request) -> Reply | Failure:
        try:
            command: Command[Any] = self._decoder.decode(request.body)
        except msgspec.MsgspecError as error:
            return Failure(request.id, "bad_command", str(error))
        try:
            return Reply(request.id, wrap(await self._handle(command)))
        except Refusal as refusal:
            return Failure(request.id, refusal.code, refusal.message)
        except Exception as error:  # a fault in one command must not take the others' process down
            log.error("! command failed", command=type(command).__name__, **told(error))
            return Failure(request.id, "internal", type(error).__name__)
