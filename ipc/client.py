"""The asking end of a Unix socket."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from ipc.faults import told
from ipc.frames import FrameError, FrameReader, frame
from ipc.messages import (
    Answer,
    Command,
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

GONE = "gone"
log = structlog.get_logger()


class Client:
    """One connection. Events go to `on_event` in order; `closed` is done when the peer has gone, for whatever
    reason."""

    def __init__(self, answers: Any, events: Any, on_event: Callable[[Any], None]) -> None:
        self._answers = decoder(answers)
        self._events = decoder(events)
        self._on_event = on_event
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ids = itertools.count(1)
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()

    async def connect(self, path: Path) -> None:
        """Raises OSError when nobody listens there."""
        reader, self._writer = await asyncio.open_unix_connection(path)
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    async def close(self) -> None:
        """Also for a connection that the peer has closed: our end of it is still held."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading

    async def ask(self, command: Command[Answer], timeout: float = 5.0) -> Answer:
        """The peer's answer. Raises Refusal: its own, or one with code `gone` when it went or did not answer in
        time."""
        if self._writer is None or self.closed.is_set():
            raise Refusal(GONE, "the process is not connected")
        number = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self._writer.write(frame(encode(Request(number, wrap(command)))))
            async with asyncio.timeout(timeout):
                answer: Answer = await future
                return answer
        except TimeoutError:
            raise Refusal(GONE, f"no answer to {type(command).__name__} in {timeout} s") from None
        finally:
            del self._waiting[number]

    async def _read(self, reader: asyncio.StreamReader) -> None:
        frames = FrameReader()
        try:
            while data := await reader.read(65536):
                for payload in frames.feed(data):
                    self._receive(payload)
        except (OSError, FrameError, msgspec.MsgspecError):
            return
        finally:
            self.closed.set()
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(Refusal(GONE, "the process went away"))

    def _receive(self, payload: bytes) -> None:
        match decode_envelope(payload):
            case Notice(body):
                self._tell(self._events.decode(body))
            case Reply(number, body):
                self._settle(number, lambda future: future.set_result(self._answers.decode(body)))
            case Failure(number, code, message):
                self._settle(number, lambda future: future.set_exception(Refusal(code, message)))
            case Request():
                raise FrameError("a server may not send requests")

    def _tell(self, event: Any) -> None:
        try:
            self._on_event(event)
        except Exception as error:  # a fault with one event must not take away the connection that all others share
            log.error("! event not handled", kind=type(event).__name__, **told(error))

    def _settle(self, number: int, settle: Callable[[asyncio.Future[Any]], None]) -> None:
        future = self._waiting.get(number)
        if future is not None and not future.done():
            settle(future)
