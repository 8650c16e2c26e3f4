"""What every process does at its start: logs as JSON lines, no core dumps, stacks on SIGUSR1, a heartbeat to its
supervisor."""

import asyncio
import contextlib
import faulthandler
import json
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any, BinaryIO

import msgspec
import structlog
import uvloop

from ipc.faults import told

HEARTBEAT_SECONDS = 1.0
HEARTBEAT_FD = "TELEPHONIST_HEARTBEAT_FD"
SOCKET_FD = "TELEPHONIST_SOCKET_{name}"
READY = b"R"
BEAT = b"."


def configure_logs(process: str, level: str = "info", file: BinaryIO | None = None) -> None:
    """One JSON object a line, named after the process, on standard error or in the file."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _without_text,
            structlog.processors.JSONRenderer(_as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.BytesLoggerFactory(file or sys.stderr.buffer),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Libraries())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _without_text(_: Any, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What `log.exception` was called for, without the exception's text."""
    line.pop("exc_info", None)
    error = sys.exc_info()[1]
    return line if error is None else {**told(error), **line}


class _Libraries(logging.Formatter):
    """What libraries log, asyncio's unhandled faults above all: the kind and the place, since their texts are not
    ours and may hold anything."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        line = {"level": record.levelname.lower(), "logger": record.name, "at": [f"{record.pathname}:{record.lineno}"]}
        return json.dumps({**line, **(told(error) if error is not None else {})})


def dump_stacks_on_signal(file: BinaryIO | None = None) -> None:
    """SIGUSR1 writes the stacks of all threads to standard error or the file, and the process goes on."""
    faulthandler.register(signal.SIGUSR1, file=file or sys.stderr, all_threads=True)


def _as_json(event: Any, **_: Any) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)


def given_socket(name: str) -> socket.socket | None:
    """A socket that the supervisor holds, and that outlives each run of this process; None: it holds none."""
    fd = os.environ.get(SOCKET_FD.format(name=name))
    return socket.socket(fileno=int(fd)) if fd else None


class Heartbeat:
    """A byte a second on an inherited pipe; the pipe's end is the supervisor's end, and ours follows."""

    def __init__(self, stop: Callable[[], None]) -> None:
        fd = os.environ.get(HEARTBEAT_FD)
        self._fd = int(fd) if fd else None
        self._stop = stop

    def ready(self) -> None:
        """Tells the supervisor that this process does its work now."""
        self._write(READY)

    async def run(self) -> None:
        while self._fd is not None:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._write(BEAT)

    def _write(self, data: bytes) -> None:
        if self._fd is None:
            return
        try:
            os.write(self._fd, data)
        except BlockingIOError:
            return  # a supervisor that is stopped for a while does not stop us
        except OSError:
            self._fd = None
            self._stop()


def wait_until_ready(heartbeat: int) -> bool:
    """Blocks until the process at the other end of a Heartbeat's pipe says that it is ready, which may be many beats
    after its start. False: it has ended before."""
    while octet := os.read(heartbeat, 1):
        if octet == READY:
            return True
    return False


def run(name: str, main: Callable[[asyncio.Event, Heartbeat], Coroutine[Any, Any, None]], level: str = "info") -> None:
    """Runs `main(stop, heartbeat)` on uvloop until it returns; SIGTERM and SIGINT set `stop`."""
    configure_logs(name, level)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys and audio in clear
    faulthandler.enable()
    dump_stacks_on_signal()

    async def body() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        heartbeat = Heartbeat(stop.set)
        beating = loop.create_task(heartbeat.run())
        try:
            await main(stop, heartbeat)
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    uvloop.run(body())
