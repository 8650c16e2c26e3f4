import asyncio
from pathlib import Path

from ipc.frames import FrameReader, frame
from recorder.wire import BATCH, Kind, Record, pack
from relay.tapping.outbox import Outbox
from relay.tapping.tap_link import HEAR_EACH, TapLink
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
        writer.write(frame(b"nonsense that is no u64"))
        connected.put_nowait(writer)
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "tap")
    link = TapLink(tmp_path / "tap", Outbox())
    link.start()
    for _ in range(2):
        await asyncio.wait_for(connected.get(), 5)
        for _ in range(HEAR_EACH):
            link.flush(0)
    await link.close(1)
    server.close()


async def test_a_recorder_that_does_not_read_gets_all_in_order_when_it_does(tmp_path: Path) -> None:
    """More than a socket holds."""
    may_read, got = asyncio.Event(), asyncio.Queue[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_read.wait()
        frames = FrameReader()
        while data := await reader.read(1 << 20):
            for payload in frames.feed(data):
                got.put_nowait(payload)
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "tap")
    outbox = Outbox()
    link = TapLink(tmp_path / "tap", outbox)
    link.start()
    for clock in range(200):
        outbox.add_packed(pack(Record(bytes(16), Kind.PACKET, 0, clock, payload=bytes(60_000))), clock)
        link.flush(clock)
        await asyncio.sleep(0)
    may_read.set()
    async with asyncio.timeout(10):
        told = [await got.get() for _ in range(201)]
    assert [BATCH.unpack_from(payload)[0] for payload in told[1:]] == list(range(1, 201))
    assert [payload[-60_000:] for payload in told[1:]] == [bytes(60_000)] * 200
    await link.close(0)
    server.close()


async def test_what_a_recorder_had_not_acknowledged_when_it_died_is_sent_again(tmp_path: Path) -> None:
    outbox = Outbox()
    link, socket = TapLink(tmp_path / "tap", outbox), TapSocket(tmp_path / "tap")
    socket.acknowledging = False
    await socket.start()
    link.start()
    for clock in range(3):
        outbox.add(record(clock))
    link.flush(0)
    await socket.until(Kind.PACKET, 3)
    await socket.stop()
    socket.acknowledging = True
    await socket.start()
    outbox.add(record(3))
    for clock in range(3, 3 + HEAR_EACH):
        link.flush(clock)
    await socket.until(Kind.PACKET, 4)
    await link.close(5)
    assert outbox.is_empty and socket.numbers == [1, 1, 2]
    await socket.stop()


async def test_a_link_that_closes_does_not_wait_for_ever(tmp_path: Path) -> None:
    outbox = Outbox()
    link = TapLink(tmp_path / "nobody", outbox)
    link.start()
    outbox.add(record(0))
    link.flush(0)
    await asyncio.wait_for(link.close(0.05), 2)
    assert not outbox.is_empty
