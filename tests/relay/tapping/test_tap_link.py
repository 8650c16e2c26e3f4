import asyncio
from pathlib import Path
from typing import cast

from ipc.frames import frame
from recorder.wire import Kind, Record
from relay.tapping.outbox import Outbox
from relay.tapping.tap_link import TapLink
from tests.relay.recorder import TapSocket


def record(clock: int) -> Record:
    return Record(bytes(16), Kind.PACKET, 0, clock, payload=b"sound")


async def test_what_was_told_before_the_recorder_was_there_is_sent_then(tmp_path: Path) -> None:
    outbox = Outbox()
    link, socket = TapLink(tmp_path / "tap", outbox), TapSocket(tmp_path / "tap")
    link.start()
    for clock in range(3):
        outbox.add(record(clock))
        link.flush(clock)
    await socket.start()
    await socket.until(Kind.PACKET, 3)
    await link.close(5)
    assert outbox.is_empty
    assert socket.numbers == [1, 2, 3]
    await socket.stop()


async def test_nonsense_from_the_recorder_ends_the_connection_and_it_is_made_again(tmp_path: Path) -> None:
    connected: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.put_nowait(writer)
        writer.write(frame(b"nonsense that is no u64"))
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "tap")
    link = TapLink(tmp_path / "tap", Outbox())
    link.start()
    for _ in range(2):
        await asyncio.wait_for(connected.get(), 5)
    await link.close(1)
    server.close()


async def test_a_link_that_closes_does_not_wait_for_ever(tmp_path: Path) -> None:
    outbox = Outbox()
    link = TapLink(tmp_path / "nobody", outbox)
    link.start()
    outbox.add(record(0))
    link.flush(0)
    await asyncio.wait_for(link.close(0.05), 2)
    assert not outbox.is_empty


async def test_a_recorder_that_is_gone_and_not_yet_missed_does_not_disturb_the_tick(tmp_path: Path) -> None:
    class Closing:
        """uvloop's transports raise when they are written to in this state."""

        def is_closing(self) -> bool:
            return True

        def write(self, data: bytes) -> None:
            raise RuntimeError("the handler is closed")

    outbox = Outbox()
    link = TapLink(tmp_path / "tap", outbox)
    link._writer = cast(asyncio.StreamWriter, Closing())
    outbox.add(record(0))
    link.flush(0)
    assert len(list(outbox.unacknowledged())) == 1
