import errno
import os
from pathlib import Path

import pytest

from recorder.delivery.names import check_key
from recorder.delivery.sources import SealedSource
from recorder.delivery.stores import DirectoryStore
from recorder.errors import BadKey, KeyTaken, NoSuchObject, StoreFailed
from recorder.keeping import durable

BAD = (
    "",
    "/etc/passwd",
    "..",
    "a/../../b",
    "a//b",
    "a/./b",
    "a/",
    "a\\b",
    "a\0b",
    "a\nb",
    "x" * 1025,
    "y" * 241,
    "a.new",
)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "bucket")


def source(tmp_path: Path, content: bytes) -> SealedSource:
    path = tmp_path / "source"
    path.write_bytes(content)
    return SealedSource(path)


@pytest.mark.parametrize("key", BAD)
async def test_bad_keys_touch_nothing(store: DirectoryStore, tmp_path: Path, key: str) -> None:
    for work in (store.put(key, source(tmp_path, b"x")), store.read(key, 0, 1), store.delete(key), store.info(key)):
        with pytest.raises(BadKey):
            await work
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


async def test_keys_of_connect_are_good(store: DirectoryStore, tmp_path: Path) -> None:
    key = "connect/acme/CallRecordings/2026/11/23/0123-4567_20261123T10:00_UTC.wav"
    check_key(key)
    await store.put(key, source(tmp_path, b"sound"))
    assert await store.read(key, 0, 100) == b"sound"


async def test_put_read_replace_delete(store: DirectoryStore, tmp_path: Path) -> None:
    await store.put("a/b.wav", source(tmp_path, b"0123456789"))
    assert (await store.info("a/b.wav")).size == 10
    assert await store.read("a/b.wav", 3, 4) == b"3456"
    assert await store.read("a/b.wav", 8, 100) == b"89"
    with pytest.raises(KeyTaken):
        await store.put("a/b.wav", source(tmp_path, b"new"))
    assert await store.read("a/b.wav", 0, 10) == b"0123456789"
    await store.put("a/b.wav", source(tmp_path, b"new"), (tag := (await store.info("a/b.wav")).tag))
    assert await store.read("a/b.wav", 0, 10) == b"new"
    with pytest.raises(KeyTaken):
        await store.put("a/b.wav", source(tmp_path, b"newer"), tag)
    assert await store.read("a/b.wav", 0, 10) == b"new"
    await store.put("a.wav", source(tmp_path, b""))
    assert [key async for key in store.list_keys()] == ["a.wav", "a/b.wav"]
    assert [key async for key in store.list_keys("a/b")] == ["a/b.wav"]
    assert [key async for key in store.list_keys("none/b")] == []
    assert [path.name for path in (tmp_path / "bucket" / "a").iterdir()] == ["b.wav"]
    await store.delete("a/b.wav")
    await store.delete("a/b.wav")
    with pytest.raises(NoSuchObject):
        await store.info("a/b.wav")
    with pytest.raises(NoSuchObject):
        await store.read("a/b.wav", 0, 1)


async def test_a_key_below_an_object_is_not_there_and_cannot_be_put(store: DirectoryStore, tmp_path: Path) -> None:
    await store.put("a", source(tmp_path, b"x"))
    with pytest.raises(NoSuchObject):
        await store.read("a/b", 0, 1)
    with pytest.raises(StoreFailed):
        await store.put("a/b", source(tmp_path, b"x"))


async def test_half_an_object_does_not_stay_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:4])
        raise OSError(errno.ENOSPC, "No space left on device")

    store = DirectoryStore(tmp_path / "bucket")
    monkeypatch.setattr(durable, "write_all", full)
    with pytest.raises(StoreFailed, match="No space"):
        await store.put("a/sound.wav", source(tmp_path, b"whole"))
    assert list((tmp_path / "bucket" / "a").iterdir()) == []
