"""What the intake holds, drops and acknowledges; without sockets."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipc.frames import frame
from recorder.keeping.keys import Owner
from recorder.spooling import intake
from recorder.spooling.appender import Appender
from recorder.spooling.intake import HOLD_BYTES, Intake
from recorder.spooling.spool import Spool
from recorder.wire import BATCH, OVERHEAD, Codec, Kind, Record, Slice, WireError, pack, unpack
from relay.tapping.outbox import HOLD_NS
from tests.support.tapper import Tapper
from vault.pii import Pii

A, B, OVER = bytes(16), b"b" * 16, b"o" * 16
WORKER = b"w" * 16


class Notebook(Spool):
    """Takes down what a spool would write."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Record] = []

    def append(self, recording: str, record: bytes) -> None:
        self.taken += unpack(record)


class Recordings:
    def __init__(self) -> None:
        self.open = {A}

    def is_open(self, recording: bytes) -> bool:
        return recording in self.open

    def is_over(self, recording: bytes) -> bool:
        return recording == OVER

    def see(self, record: Slice) -> None:
        assert record.recording in self.open


@pytest.fixture
def spool() -> Notebook:
    return Notebook()


@pytest.fixture
def recordings() -> Recordings:
    return Recordings()


@pytest.fixture
async def taps(spool: Notebook, recordings: Recordings) -> Intake:
    return Intake(spool, recordings)


def batch(number: int, *records: Record) -> bytes:
    return BATCH.pack(number) + b"".join(map(pack, records))


def packets(recording: bytes, count: int, size: int = 160) -> Iterator[Record]:
    for number in range(count):
        yield Record(recording, Kind.PACKET, 0, number, Codec.PCMU, number, 0, 1, bytes(size))


async def test_a_batch_is_taken_once(taps: Intake, spool: Notebook) -> None:
    for number in (1, 2, 2, 1, 3):
        taps.take_batch(WORKER, batch(number, Record(A, Kind.CLOCK, 0, number)))
    taps.take_batch(b"another worker..", batch(1, Record(A, Kind.CLOCK, 0, 9)))
    assert [record.clock for record in spool.taken] == [1, 2, 3, 9]
    assert taps.counters.repeated_batches == 2


async def test_a_batch_that_lies_about_its_place_is_refused(taps: Intake, spool: Notebook) -> None:
    """Else all between would be taken for repeated, and be lost."""
    taps.take_batch(WORKER, batch(7, Record(A, Kind.CLOCK, 0, 1)))  # a recorder that was killed knows no number
    for lie in (9, 1 << 63, 0):
        with pytest.raises(WireError):
            taps.take_batch(WORKER, batch(lie, Record(A, Kind.CLOCK, 0, 66)))
    taps.take_batch(WORKER, batch(8, Record(A, Kind.CLOCK, 0, 2)))
    assert [record.clock for record in spool.taken] == [1, 2]


async def test_what_a_worker_held_is_acknowledged_when_it_is_on_the_disk(
    recordings: Recordings, tmp_path: Path
) -> None:
    """Else the power that goes just after the recorder came back would take seconds along."""
    spool = Spool()
    data_key = Pii(bytes(32))
    spool.open(A.hex(), Appender(tmp_path, data_key, Owner("acct", "inst", "contact", A.hex()), {}))
    taps, tapper = Intake(spool, recordings), Tapper(tmp_path / "tap.sock")
    await taps.start(tmp_path / "tap.sock")
    for tick in range(50):
        tapper.send(pack(Record(A, Kind.CLOCK, 0, tick * 20_000_000)))
    await tapper.connect()

    async def acknowledged(number: int, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while tapper.acknowledged < number:
                await spool.flush()
                await asyncio.sleep(0.01)

    with pytest.raises(TimeoutError):
        await acknowledged(1, seconds=0.3)
    await spool.sync()
    await acknowledged(50, seconds=5.0)
    tapper.send(pack(Record(A, Kind.CLOCK, 0, 51 * 20_000_000)))
    await acknowledged(51, seconds=5.0)
    await tapper.close()
    await taps.close()
    await spool.shut()


async def test_late_records_are_counted(taps: Intake, spool: Notebook) -> None:
    taps.take_batch(WORKER, batch(1, Record(OVER, Kind.CLOCK, 0, 1), Record(A, Kind.CLOCK, 0, 2)))
    assert [record.recording for record in spool.taken] == [A]
    assert taps.counters.late_records == 1


async def test_what_is_not_started_is_held_and_its_overflow_becomes_a_gap(
    taps: Intake, spool: Notebook, recordings: Recordings
) -> None:
    size, count = 60_000, HOLD_BYTES // 60_000 + 5
    waiting = taps.take_batch(WORKER, batch(1, *packets(B, count, size)))
    assert len(waiting.held) == 1
    assert not waiting.held[0].done()
    recordings.open.add(B)
    taps.started(B)
    assert waiting.held[0].done()
    kept = [record for record in spool.taken if record.kind is Kind.PACKET]
    gap = spool.taken[-1]
    assert (gap.kind, gap.party) == (Kind.GAP, 0)
    assert gap.sequence == count - len(kept) > 0
    assert (gap.timestamp, gap.clock) == (kept[-1].clock + 1, count - 1)


async def test_who_came_is_held_whatever_room_there_is(taps: Intake, spool: Notebook, recordings: Recordings) -> None:
    full = (*packets(B, HOLD_BYTES // 60_000 + 5, 60_000), *packets(B, 60_000 // OVERHEAD + 5, 0))
    taps.take_batch(WORKER, batch(1, *full, Record(B, Kind.BEGIN, 7, 1)))
    recordings.open.add(B)
    taps.started(B)
    assert [record.party for record in spool.taken if record.kind is Kind.BEGIN] == [7]


async def test_a_recording_that_nobody_starts_costs_the_others_nothing(taps: Intake) -> None:
    """Another worker's acknowledgements do not wait for it; its own worker's do, and can afford to."""
    taps.take_batch(WORKER, batch(1, *packets(B, 1)))
    assert taps.take_batch(b"another worker..", batch(1, *packets(A, 1))).held == []
    assert len(taps.take_batch(WORKER, batch(2, *packets(A, 1))).held) == 1
    assert intake.HOLD_SECONDS * 1e9 <= HOLD_NS - 2e9


async def test_what_nobody_starts_is_given_up(taps: Intake, spool: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "HOLD_SECONDS", 0.05)
    waiting = taps.take_batch(WORKER, batch(1, *packets(B, 3)))
    await asyncio.wait_for(waiting.held[0], 1)
    assert spool.taken == []
    assert taps.counters.unclaimed_records == 3


async def test_a_connection_that_says_what_no_worker_says_is_closed_and_counted(taps: Intake, tmp_path: Path) -> None:
    await taps.start(tmp_path / "tap.sock")
    for lie in (frame(b"no hello"), frame(WORKER) + frame(b"short"), frame(WORKER) + frame(batch(0)), b"\xff" * 8):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "tap.sock")
        writer.write(lie)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
    assert taps.counters.told().counts()["refused_connections"] == 4
    await taps.close()


async def test_bad_batches(taps: Intake, spool: Notebook) -> None:
    taps.take_batch(WORKER, batch(1, Record(A, Kind.CLOCK, 0, 1)) + b"rubbish")
    assert taps.counters.bad_batches == 1
    assert len(spool.taken) == 1
    with pytest.raises(WireError):
        taps.take_batch(WORKER, b"short")
