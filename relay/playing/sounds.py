"""Sounds in memory: files are decoded beside the loop, one at a time, each once however many want it, and those that
were played last are kept as far as there is room."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from relay.playing.soundfile import Samples, load

RATE = 16_000
ROOM = 96 << 20
"""Bytes that are kept: 50 minutes."""
Key = tuple[Path, int]
"""A file, and when it was changed last."""


class Sounds:
    """`decode` gives the samples of a file at RATE; it is called in a thread and may take as long as it likes."""

    def __init__(self, decode: Callable[[Path], Samples] | None = None, room: int = ROOM) -> None:
        self._decode = decode or (lambda path: load(path, RATE))
        self._room = room
        self._kept: OrderedDict[Key, Samples] = OrderedDict()
        self._reading: dict[Key, asyncio.Future[Samples]] = {}
        # One thread: two that decode would ask the interpreter for its lock twice as often, which the tick needs.
        self._thread = ThreadPoolExecutor(1, "sounds")

    async def get(self, path: Path) -> Samples:
        """The samples of a file at RATE. Raises OSError, SoundFileError."""
        loop = asyncio.get_running_loop()
        key = path, (await loop.run_in_executor(None, path.stat)).st_mtime_ns  # a disk that sleeps must not stop us
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._reading:
            self._reading[key] = asyncio.ensure_future(self._read(key))
            # Also when nobody waits for it any more.
            self._reading[key].add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(self._reading[key])

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return sum(samples.nbytes for samples in self._kept.values())

    def close(self) -> None:
        """What is being decoded is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _read(self, key: Key) -> Samples:
        try:
            samples = await asyncio.get_running_loop().run_in_executor(self._thread, self._decode, key[0])
        finally:
            del self._reading[key]
        self._keep(key, samples)
        return samples

    def _keep(self, key: Key, samples: Samples) -> None:
        for old in [old for old in self._kept if old[0] == key[0]]:
            del self._kept[old]
        # One that takes half of the room would drive out the short ones, which are asked for more often.
        if samples.nbytes <= self._room // 2:
            self._kept[key] = samples
        while self.size > self._room:
            self._kept.popitem(last=False)
