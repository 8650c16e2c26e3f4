"""The spool's writer when the disk does not do as it should."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder import spool as spools
from recorder.keys import context_of, owner_of
from recorder.reading import SpoolReader
from recorder.segment import FrameKind
from recorder.spool import Appender, Spool
from recorder.wire import Kind, Record, pack
from tests.recorder.process import start_of
from vault.keyring import LocalKeyring

RECORDING = "0123456789abcdef0123456789abcdef"


class Disk:
    """A disk that is full from some byte on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 30
        self.synced = 0
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
        self.synced += 1
        self._sync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


class Place:
    def __init__(self, folder: Path) -> None:
        made = LocalKeyring.open(folder / "keyring").generate(context_of(owner_of(start_of(RECORDING))))
        self.folder = folder / "spool"
        self.folder.mkdir()
        self.key = made.plain
        self.owner = owner_of(start_of(RECORDING))

    def appender(self) -> Appender:
        return Appender(self.folder, self.key, self.owner, {})

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


async def test_flushes_are_shared_and_synced(spool: Spool, place: Place, disk: Disk) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    marks = []
    for number in range(50):
        spool.append(RECORDING, bytes((number,)))
        marks.append(spool.written())
        await asyncio.sleep(0.005)
    await asyncio.gather(*marks)
    await asyncio.sleep(0.7)
    assert disk.synced >= 1
    await spool.close(RECORDING)
    assert b"".join(place.bodies()) == bytes(range(50))
    assert len(place.bodies()) <= (loop.time() - began) / 0.1 + 1
