"""Client and server over a real socket."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ipc.client import Client
from ipc.frames import LENGTH
from ipc.messages import Command, Event, Refusal
from ipc.server import Server


class Doubled(msgspec.Struct, frozen=True, tag=True):
    value: int


class Double(Command[Doubled], frozen=True):
    value: int


class Sleep(Command[Doubled], frozen=True):
    pass


class Happened(Event, frozen=True):
    what: str


async def handle(command: Any) -> msgspec.Struct:
    if isinstance(command, Sleep):
        await asyncio.Event().wait()
    if command.value < 0:
        raise Refusal("negative", "only positive numbers")
    if command.value == 13:
        raise RuntimeError("unlucky")
    return Doubled(command.value * 2)


class Pair:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: asyncio.Queue[Happened] = asyncio.Queue()
        self.counts: list[int] = []
        self.server = Server(Double | Sleep, handle, self.counts.append)
        self.client = Client(Doubled, Happened, self.events.put_nowait)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    made = Pair(tmp_path / "s")
    await made.server.start(made.path)
    await made.client.connect(made.path)
    yield made
    await made.client.close()
    await made.server.close()


async def test_a_command_is_answered(pair: Pair) -> None:
    answers = await asyncio.gather(*(pair.client.ask(Double(value)) for value in range(10)))
    assert [answer.value for answer in answers] == [value * 2 for value in range(10)]


async def test_a_refusal_reaches_the_one_who_asked(pair: Pair) -> None:
    with pytest.raises(Refusal, match="negative: only positive"):
        await pair.client.ask(Double(-1))
    with pytest.raises(Refusal, match="internal: RuntimeError"):
        await pair.client.ask(Double(13))
    assert (await pair.client.ask(Double(4))).value == 8


async def test_events_reach_every_client(pair: Pair) -> None:
    await pair.client.ask(Double(1))
    pair.server.publish(Happened("rain"))
    async with asyncio.timeout(5):
        assert await pair.events.get() == Happened("rain")
    assert pair.counts == [1]


async def test_an_event_that_cannot_be_handled_costs_no_connection(pair: Pair) -> None:
    heard: asyncio.Queue[Happened] = asyncio.Queue()

    def on_event(event: Happened) -> None:
        heard.put_nowait(event)
        raise KeyError(event.what)

    client = Client(Doubled, Happened, on_event)
    await client.connect(pair.path)
    await client.ask(Double(1))
    pair.server.publish(Happened("rain"))
    async with asyncio.timeout(5):
        assert await heard.get() == Happened("rain")
    assert (await client.ask(Double(4))).value == 8
    await client.close()


async def test_a_client_that_has_gone_and_is_not_yet_missed_keeps_no_event_from_the_others(pair: Pair) -> None:
    class Closed(asyncio.StreamWriter):
        """uvloop's transports raise when they are written to in this state."""

        def __init__(self) -> None:
            super().__init__(asyncio.Transport(), asyncio.Protocol(), None, asyncio.get_running_loop())

        def is_closing(self) -> bool:
            return True

        def write(self, data: bytes | bytearray | memoryview) -> None:
            raise RuntimeError("the handler is closed")

        def __del__(self) -> None:
            """Nothing to close."""

    await pair.client.ask(Double(1))
    gone = Closed()
    pair.server._writers.add(gone)
    pair.server.publish(Happened("rain"))
    pair.server._writers.discard(gone)
    async with asyncio.timeout(5):
        assert await pair.events.get() == Happened("rain")


async def test_a_server_that_goes_fails_what_waits(pair: Pair) -> None:
    waiting = asyncio.ensure_future(pair.client.ask(Sleep()))
    await pair.client.ask(Double(1))
    await pair.server.close()
    with pytest.raises(Refusal, match="gone"):
        await waiting
    await pair.client.closed.wait()
    with pytest.raises(Refusal, match="gone"):
        await pair.client.ask(Double(1))


async def test_no_answer_in_time_is_gone(pair: Pair) -> None:
    with pytest.raises(Refusal, match="no answer to Sleep"):
        await pair.client.ask(Sleep(), timeout=0.05)


@pytest.mark.parametrize("rubbish", [b"\xff" * 64, LENGTH.pack(3) + b"abc", LENGTH.pack(0)])
async def test_rubbish_ends_its_own_connection_only(pair: Pair, rubbish: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(pair.path)
    writer.write(rubbish)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    assert (await pair.client.ask(Double(4))).value == 8


async def test_only_our_user_may_connect(pair: Pair) -> None:
    assert stat.S_IMODE(pair.path.stat().st_mode) == 0o600
