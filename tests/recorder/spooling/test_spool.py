"""The spool's writer when the disk does not do as it should."""

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.keeping.keys import context_of, owner_of
from recorder.spooling import spool as spools
from recorder.spooling.appender import Appender, Unsynced
from recorder.spooling.reading import SpoolReader, segment_numbers
from recorder.spooling.segment import FrameKind
from recorder.spooling.spool import Spool
from recorder.wire import Kind, Record, pack
from tests.recorder.process import start_of
from vault.keyring import LocalKeyring

RECORDING = "0123456789abcdef0123456789abcdef"


class Disk:
    """A disk that is full from some byte on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 30
        self.synced = 0
        self.sync_errors = 0
        self._write, self._sync = os.write, os.fdatasync
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "fdatasync", self.sync)

    def write(self, descriptor: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(len(data), self.room)
        self.room -= taken
        return self._write(descriptor, data[:taken])

    def sync(self, descriptor: int) -> None:
        if self.sync_errors:
            self.sync_errors -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.synced += 1
        self._sync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


class Place:
    def __init__(self, folder: Path) -> None:
        made = LocalKeyring.open(folder / "keyring").generate("", context_of(owner_of(start_of(RECORDING))))
        self.folder = folder / "spool"
        self.folder.mkdir()
        self.key = made.plain
        self.owner = owner_of(start_of(RECORDING))

    def appender(self) -> Appender:
        return Appender(self.folder, self.key, self.owner, {})

    def frames(self, number: int) -> list[bytes]:
        return [frame.body for frame in SpoolReader(self.folder, self.key, self.owner).frames(number)]

    def segments(self) -> list[int]:
        return segment_numbers(self.folder)

    def bodies(self) -> list[bytes]:
        """What is in the spool; complete, or Damaged is raised."""
        reader = SpoolReader(self.folder, self.key, self.owner)
        frames = [frame for number in reader.numbers for frame in reader.frames(number)]
        reader.check_closed()
        return [frame.body for frame in frames if frame.kind is FrameKind.RECORDS]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
async def spool(place: Place) -> AsyncIterator[Spool]:
    spool = Spool()
    spool.open(RECORDING, place.appender())
    running = asyncio.create_task(spool.run())
    yield spool
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await spool.shut()


@pytest.mark.parametrize("room", [0, 3, 60, 200, 300, 1000])
def test_a_write_that_fails_leaves_no_hole(place: Place, disk: Disk, room: int) -> None:
    """Wherever in header or frame the disk is full, what is said again later is there once."""
    appender = place.appender()
    appender.append(b"one")
    disk.room = room
    for body in (b"two" * 100, b"three" * 100):
        try:
            appender.append(body)
        except OSError:
            disk.room = 1 << 30
            appender.append(body)
    appender.close()
    assert place.bodies() == [b"one", b"two" * 100, b"three" * 100]


def test_a_disk_that_stays_full_is_not_littered(place: Place, disk: Disk) -> None:
    appender = place.appender()
    disk.room = 0
    for _ in range(50):
        with pytest.raises(OSError, match="No space"):
            appender.append(b"one")
    assert list(place.folder.iterdir()) == []
    disk.room = 1 << 30
    appender.append(b"one")
    appender.close()
    assert place.bodies() == [b"one"]


async def test_a_folder_that_cannot_be_written_holds_up_no_other_recording(
    spool: Spool, place: Place, tmp_path: Path
) -> None:
    troubles: list[tuple[str, str]] = []
    spool.on_trouble = lambda recording, reason: troubles.append((recording, reason))
    spool.open("other", Appender(tmp_path / "later", place.key, place.owner, {}))
    for number in range(3):
        spool.append("other", b"held %d," % number)
        spool.append(RECORDING, b"%d" % number)
        await asyncio.wait_for(spool.written(), 2)
    with pytest.raises(FileNotFoundError):
        await spool.close("other")
    (tmp_path / "later").mkdir()
    await spool.close("other")
    await spool.close(RECORDING)
    assert b"".join(place.bodies()) == b"012"
    place.folder = tmp_path / "later"
    assert b"".join(place.bodies()) == b"held 0,held 1,held 2,"
    assert troubles == [("other", "it cannot be written: No such file or directory"), ("other", "")]


async def test_a_folder_that_stays_unwritable_keeps_who_came_and_went(
    spool: Spool, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spools, "KEPT_BYTES", 1000)
    spool.open("other", Appender(tmp_path / "later", place.key, place.owner, {}))
    begin, sound = Record(bytes(16), Kind.BEGIN, 0, 1), Record(bytes(16), Kind.PACKET, 0, 2, payload=bytes(160))
    for record in (begin, *[sound] * 10):
        spool.append("other", pack(record))
    await spool.written()
    assert spool.pending_bytes == len(pack(begin))
    (tmp_path / "later").mkdir()
    await asyncio.sleep(0.3)
    await spool.close("other")
    place.folder = tmp_path / "later"
    assert place.bodies() == [pack(begin)]


async def test_nothing_is_acknowledged_until_it_is_written(spool: Spool, place: Place, disk: Disk) -> None:
    spool.append(RECORDING, b"one")
    await spool.written()
    disk.room = 0
    spool.append(RECORDING, b"two")
    waiting = spool.written()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.35)
    spool.append(RECORDING, b"three")
    assert spool.pending_bytes == 8
    disk.room = 1 << 30
    await waiting
    await spool.written()
    await spool.close(RECORDING)
    assert b"".join(place.bodies()) == b"onetwothree"


def sync(appender: Appender) -> OSError | None:
    what = appender.unsynced()
    assert what is not None
    error = what.sync()
    appender.settle(what, error)
    return error


def test_what_a_sync_lost_is_written_again(place: Place, disk: Disk) -> None:
    """Nobody knows what of it is on the disk: it is cut away, and is in the next segment."""
    appender = place.appender()
    appender.append(b"synced")
    assert sync(appender) is None
    appender.append(b"one")
    disk.sync_errors = 1
    lost = appender.unsynced()
    assert lost is not None
    appender.append(b"two")
    appender.settle(lost, lost.sync())
    assert b"two" not in b"".join(place.frames(0))
    appender.append(b"three")
    appender.close()
    assert place.bodies() == [b"synced", b"one", b"two", b"three"]
    assert len(place.segments()) == 2


def test_a_recording_whose_end_was_not_synced_is_closed_again(place: Place, disk: Disk) -> None:
    appender = place.appender()
    appender.append(b"one")
    disk.sync_errors = 1
    with pytest.raises(OSError, match="Input/output"):
        appender.close()
    appender.close()
    assert place.bodies() == [b"one"]


@pytest.mark.parametrize("sync_errors", [0, 1, 2])
def test_a_write_that_fails_takes_nothing_along_that_was_not_synced(place: Place, disk: Disk, sync_errors: int) -> None:
    appender = place.appender()
    for number in range(5):
        appender.append(b"%d" % number)
    disk.room, disk.sync_errors = 7, sync_errors
    with pytest.raises(OSError, match="No space"):
        appender.append(b"5")
    disk.room = 1 << 30
    appender.append(b"5")
    disk.sync_errors = 0
    appender.close()
    assert b"".join(place.bodies()) == b"012345"


async def test_a_sync_that_fails_is_told_and_made_good(spool: Spool, place: Place, disk: Disk) -> None:
    troubles: list[str] = []
    spool.on_trouble = lambda _, reason: troubles.append(reason)
    disk.sync_errors = 1
    spool.append(RECORDING, b"one")
    async with asyncio.timeout(3):
        while not troubles:
            await asyncio.sleep(0.01)
    spool.append(RECORDING, b"two")
    await spool.written()
    assert troubles == ["it cannot be written: Input/output error", ""]
    await spool.close(RECORDING)
    assert b"".join(place.bodies()) == b"onetwo"


async def test_a_recording_that_begins_within_a_sync_does_not_end_it(
    spool: Spool, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, begun = Appender.unsynced, 0

    def unsynced(appender: Appender) -> Unsynced | None:
        nonlocal begun
        begun += 1
        spool.open(f"other {begun}", place.appender())
        return real(appender)

    for number in range(3):
        spool.open(f"one {number}", place.appender())
    monkeypatch.setattr(Appender, "unsynced", unsynced)
    await spool.sync()
    assert begun == 4, "each of those that were open was looked at"


async def test_a_sync_that_takes_long_holds_up_nobody(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk where a sync takes a second, everything is still written at once."""
    begun, over = threading.Event(), threading.Event()

    def sync(_: int) -> None:
        begun.set()
        over.wait(60)

    monkeypatch.setattr(os, "fdatasync", sync)
    spool.append(RECORDING, b"one")
    assert await asyncio.to_thread(begun.wait, 60)
    try:
        async with asyncio.timeout(30):
            for _ in range(3):
                spool.append(RECORDING, b"more")
                await spool.written()
    finally:
        over.set()


async def test_what_the_disk_has_no_room_for_is_kept_until_it_has(place: Place) -> None:
    full = True

    def check_room() -> None:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    spool = Spool(check_room)
    troubles: list[str] = []
    spool.on_trouble = lambda _, reason: troubles.append(reason)
    spool.open(RECORDING, place.appender())
    running = asyncio.create_task(spool.run())
    spool.append(RECORDING, b"one")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(spool.written()), 0.3)
    assert list(place.folder.iterdir()) == []
    full = False
    await asyncio.wait_for(spool.written(), 2)
    await spool.close(RECORDING)
    assert place.bodies() == [b"one"]
    assert troubles == ["it cannot be written: No space left on device", ""]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await spool.shut()


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS])
async def test_a_disk_that_is_broken_or_read_only_is_like_a_full_one(
    spool: Spool, place: Place, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Nothing is acknowledged, the reason is told, and when it is over all is written."""
    troubles: list[str] = []
    spool.on_trouble = lambda _, reason: troubles.append(reason)
    spool.append(RECORDING, b"before")
    await spool.written()

    def broken(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        for name in ("write", "open", "fdatasync", "fsync", "ftruncate"):
            patch.setattr(os, name, broken)
        spool.append(RECORDING, b"meanwhile")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(spool.written()), 0.5)
        assert troubles[0] == f"it cannot be written: {os.strerror(number)}"
    await asyncio.wait_for(spool.written(), 2)
    await spool.close(RECORDING)
    assert troubles[-1] == ""
    # What could neither be synced nor cut away is written again, and told apart when it is finalized.
    assert list(dict.fromkeys(place.bodies())) == [b"before", b"meanwhile"]


async def test_flushes_are_shared_and_synced(spool: Spool, place: Place, disk: Disk) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    marks = []
    for number in range(50):
        spool.append(RECORDING, bytes((number,)))
        marks.append(spool.written())
        await asyncio.sleep(0.005)
    await asyncio.gather(*marks)
    async with asyncio.timeout(30):
        while not disk.synced:
            await asyncio.sleep(0.01)  # a disk has no event for it
    await spool.close(RECORDING)
    assert b"".join(place.bodies()) == bytes(range(50))
    assert len(place.bodies()) <= (loop.time() - began) / 0.1 + 1
