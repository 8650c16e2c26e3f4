import asyncio
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from relay.playing.soundfile import Samples, SoundFileError
from relay.playing.sounds import Sounds


class Decoder:
    """Files hold the number of bytes that they are decoded to. It waits while `go_on` is not set."""

    def __init__(self) -> None:
        self.decoded: list[str] = []
        self.threads: set[str] = set()
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, path: Path) -> Samples:
        assert self.go_on.wait(10)
        self.decoded.append(path.name)
        self.threads.add(threading.current_thread().name)
        size = int(path.read_text())
        if size < 0:
            raise SoundFileError("no sound")
        return np.zeros(size // 2, np.int16)


def files(folder: Path, **sizes: int) -> dict[str, Path]:
    for name, size in sizes.items():
        (folder / name).write_text(str(size))
    return {name: folder / name for name in sizes}


async def test_a_file_is_decoded_once_however_many_want_it(tmp_path: Path) -> None:
    decoder = Decoder()
    sounds, path = Sounds(decoder), files(tmp_path, a=100)["a"]
    decoder.go_on.clear()
    waiting = [asyncio.ensure_future(sounds.get(path)) for _ in range(5)]
    for _ in range(20):
        await asyncio.sleep(0)  # the loop is free while it is decoded
    waiting.pop().cancel()
    decoder.go_on.set()
    assert {len(samples) for samples in await asyncio.gather(*waiting)} == {50}
    await sounds.get(path)
    assert decoder.decoded == ["a"]
    assert all(name.startswith("sounds") for name in decoder.threads)
    sounds.close()


async def test_what_was_played_last_is_kept_as_far_as_there_is_room(tmp_path: Path) -> None:
    decoder = Decoder()
    sounds, paths = Sounds(decoder, 1000), files(tmp_path, a=400, b=400, c=400, huge=502)
    for name in ("a", "b", "a", "c", "a", "huge", "a", "huge", "b"):
        await sounds.get(paths[name])
        assert sounds.size <= 1000
    assert decoder.decoded == ["a", "b", "c", "huge", "huge", "b"]
    sounds.close()


async def test_a_file_that_changed_takes_the_place_of_what_it_was(tmp_path: Path) -> None:
    decoder = Decoder()
    sounds, path = Sounds(decoder), files(tmp_path, a=100)["a"]
    await sounds.get(path)
    path.write_text("200")
    os.utime(path, ns=(1, 1))
    assert len(await sounds.get(path)) == 100
    assert sounds.size == 200
    sounds.close()


async def test_what_cannot_be_decoded_is_told_to_all_and_tried_again(tmp_path: Path) -> None:
    decoder = Decoder()
    sounds, path = Sounds(decoder), files(tmp_path, a=-1)["a"]
    results = await asyncio.gather(*(sounds.get(path) for _ in range(3)), return_exceptions=True)
    assert {type(result) for result in results} == {SoundFileError}
    with pytest.raises(SoundFileError):
        await sounds.get(path)
    with pytest.raises(OSError):
        await sounds.get(tmp_path / "missing")
    assert sounds.size == 0
    sounds.close()
