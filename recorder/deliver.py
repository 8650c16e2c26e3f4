"""From phase one to phase two: sealed ► finalized ► uploaded ► verified ► released, each step kept before it is told.

A step that is interrupted is done again: none of them changes what an earlier one made. A step that fails is tried
again later, the oldest recording first; one that cannot succeed puts the recording into quarantine, with its spool
untouched.
"""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Awaitable, Callable

import structlog

from recorder import finalizer, journal, outcome
from recorder.api import State
from recorder.errors import Damaged, KeyTaken, NoSuchObject, StoreFailed
from recorder.keys import RecordingKeys, owner_of
from recorder.objects import ObjectReader
from recorder.recording import Recording
from recorder.stores import ObjectStore
from vault.kms import KeyUnavailable, KmsAway

FIRST_DELAY = 0.5
LONGEST_DELAY = 60.0
CRASHES = 3
"""So many times the finalizer may die on a recording before the recording is taken for the cause."""
_CHUNK = 1024 * 1024
Step = Callable[[Recording], Awaitable[None]]
log = structlog.get_logger()


class Lane:
    """Does one step at a time for those recordings that need it, the oldest first."""

    def __init__(
        self,
        steps: dict[State, Step],
        quarantine: Callable[[Recording, str], Awaitable[None]],
        tell: Callable[[Recording], None],
    ) -> None:
        self._steps = steps
        self._quarantine = quarantine
        self._tell = tell
        self._waiting: dict[str, Recording] = {}
        self._delays: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._wake = asyncio.Event()

    def add(self, recording: Recording) -> None:
        self._waiting[recording.id] = recording
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            recording = self._next(loop.time())
            if recording is not None:
                await self._work(recording)
                continue
            deadline = min((self._due.get(name, 0.0) for name in self._waiting), default=None)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._wake.wait()

    def _next(self, now: float) -> Recording | None:
        due = (recording for name, recording in self._waiting.items() if self._due.get(name, 0.0) <= now)
        return min(due, key=lambda recording: recording.journal.times["sealed"], default=None)

    async def _work(self, recording: Recording) -> None:
        try:
            await self._advance(recording)
            self._forget(recording)
        except (StoreFailed, NoSuchObject, KmsAway, OSError) as error:
            self._postpone(recording, str(error))
        except Exception as error:  # a fault with one recording must not hold up all others
            log.exception("! delivery failed", recording=recording.id)
            self._postpone(recording, type(error).__name__)

    async def _advance(self, recording: Recording) -> None:
        try:
            while step := self._steps.get(recording.journal.state):
                await step(recording)
        except (Damaged, KeyTaken, KeyUnavailable) as error:
            await self._quarantine(recording, str(error))

    def _postpone(self, recording: Recording, reason: str) -> None:
        delay = min(2 * self._delays.get(recording.id, FIRST_DELAY / 2), LONGEST_DELAY)
        self._delays[recording.id] = delay
        self._due[recording.id] = asyncio.get_running_loop().time() + delay * random.uniform(0.5, 1.0)
        log.warning("! not delivered yet", recording=recording.id, state=recording.journal.state, reason=reason)
        if recording.trouble != reason:
            recording.trouble = reason
            self._tell(recording)

    def _forget(self, recording: Recording) -> None:
        del self._waiting[recording.id]
        self._delays.pop(recording.id, None)
        self._due.pop(recording.id, None)


class Delivery:
    """Two lanes, so that a store that hangs does not keep sounds from being finalized, nor the other way round."""

    def __init__(self, keys: RecordingKeys, store: ObjectStore, tell: Callable[[Recording], None]) -> None:
        self._keys = keys
        self._store = store
        self._tell = tell
        self._crashes: dict[str, int] = {}
        self._finalizing = Lane({"sealed": self._finalize}, self.quarantine, tell)
        steps: dict[State, Step] = {"finalized": self._upload, "uploaded": self._verify, "verified": self._release}
        self._storing = Lane(steps, self.quarantine, tell)
        self._tasks: list[asyncio.Task[None]] = []
        self.finalizer_arguments: tuple[str, ...] = ()

    def start(self) -> None:
        """Begins to deliver."""
        self._tasks = [asyncio.create_task(lane.run()) for lane in (self._finalizing, self._storing)]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def add(self, recording: Recording) -> None:
        """Takes a recording that is sealed or further, from whatever state it is in."""
        match recording.journal.state:
            case "sealed":
                self._finalizing.add(recording)
            case "finalized" | "uploaded" | "verified":
                self._storing.add(recording)

    async def quarantine(self, recording: Recording, reason: str) -> None:
        log.error("! quarantined", recording=recording.id, reason=reason)
        await self._reach(recording, "quarantined", reason=reason)

    def forget(self, recording: Recording) -> None:
        """Removes the last trace of a released recording. Waits for the disk."""
        with contextlib.suppress(OSError):
            (recording.folder / journal.NAME).unlink(missing_ok=True)
            recording.folder.rmdir()

    async def _finalize(self, recording: Recording) -> None:
        known = recording.journal
        data_key = await self._keys.unwrap(known.wrapped, owner_of(known.start))
        result = await finalizer.run(recording.folder, data_key, self.finalizer_arguments)
        match result:
            case outcome.Finished():
                await self._reach(
                    recording,
                    "finalized",
                    duration_ms=result.duration_ms,
                    size=result.size,
                    sha256=result.sha256,
                    objects=result.objects,
                    gaps=result.gaps,
                )
                self._storing.add(recording)
            case outcome.Empty():
                await self._release(recording)
            case outcome.Failed(reason):
                raise Damaged(reason)
            case outcome.Postponed(reason):
                raise StoreFailed(reason)
            case outcome.Died(reason):
                self._crashes[recording.id] = self._crashes.get(recording.id, 0) + 1
                if self._crashes[recording.id] >= CRASHES:
                    raise Damaged(f"it cannot be finalized: {reason}")
                raise StoreFailed(reason)

    async def _upload(self, recording: Recording) -> None:
        key = recording.journal.start.key
        await self._check_free(recording, key)
        for made in recording.journal.objects:
            await self._store.put(made.key, recording.folder / made.file)
        await self._reach(recording, "uploaded")

    async def _check_free(self, recording: Recording, key: str) -> None:
        """Raises KeyTaken: delivering again is fine, overwriting another recording is not."""
        reader = ObjectReader(self._store, key)
        try:
            await reader.open(self._keys)
        except NoSuchObject:
            return
        except (Damaged, KeyUnavailable):
            raise KeyTaken("something else is stored under the recording's key") from None
        if reader.header is None or reader.header.recording != recording.id:
            raise KeyTaken("another recording is stored under the recording's key")

    async def _verify(self, recording: Recording) -> None:
        """Reads back what was stored; uploads it once more when it is not the same."""
        expected = {made.key: made.sha256 for made in recording.journal.objects}
        try:
            for key, wanted in expected.items():
                if await self._hash(key) != wanted:
                    raise Damaged("other contents")
        except (Damaged, NoSuchObject, KeyUnavailable) as error:
            for key in expected:
                await self._store.delete(key)
            await self._reach(recording, "finalized")
            raise StoreFailed(f"the store gave back something else: {error}") from None
        await self._reach(recording, "verified")

    async def _hash(self, key: str) -> str:
        reader = ObjectReader(self._store, key)
        await reader.open(self._keys)
        digest = hashlib.sha256()
        for start in range(0, reader.total, _CHUNK):
            digest.update(await reader.read(start, _CHUNK))
        return digest.hexdigest()

    async def _release(self, recording: Recording) -> None:
        """Phase one is deleted, all but the journal, and only then is it told."""
        await asyncio.to_thread(_remove_sound, recording)
        await self._reach(recording, "released")

    async def _reach(self, recording: Recording, state: State, **changes: object) -> None:
        await asyncio.to_thread(recording.reach, state, **changes)
        self._tell(recording)


def _remove_sound(recording: Recording) -> None:
    for path in recording.folder.iterdir():
        if path.name != journal.NAME:
            path.unlink()
