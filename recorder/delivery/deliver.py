"""From phase one to phase two: sealed ► finalized ► uploaded ► verified ► released, each step kept before it is told.

A step that is interrupted is done again: none of them changes what an earlier one made. A step that fails is tried
again later, the oldest recording first; one that cannot succeed puts the recording into quarantine, with its spool
untouched.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable

import structlog

from recorder.api import Cause, State
from recorder.delivery.lane import Lane, Step
from recorder.delivery.names import key_object_key
from recorder.delivery.places import Place, Places, Tenant
from recorder.delivery.sources import HeldSource, OpenedSource, SealedSource, Source
from recorder.errors import Damaged, KeyTaken, NoSuchObject, StoreFailed
from recorder.finalizing import finalizer, outcome
from recorder.finalizing.outcome import Made
from recorder.keeping import key_object
from recorder.keeping.keys import RecordingKeys, owner_of
from recorder.keeping.objects import ObjectReader, labels_of, read_key_object
from recorder.spooling import journal
from recorder.spooling.recording import Recording
from vault.kms import KeyUnavailable
from vault.pii import Pii

CRASHES = 3
"""So many times the finalizer may die on a recording before the recording is taken for the cause."""
WIDTH = 2
"""Recordings that are delivered to one place at once."""
_CAUSES: dict[type[Exception], Cause] = {Damaged: "damaged", KeyTaken: "taken", KeyUnavailable: "key"}
_CHUNK = 1024 * 1024
log = structlog.get_logger()


class Delivery:
    """A lane for finalizing and one for each place, so that a store that hangs holds up nothing but itself."""

    def __init__(self, keys: RecordingKeys, places: Places, tell: Callable[[Recording], None]) -> None:
        self._keys = keys
        self._places = places
        self._tell = tell
        self._crashes: dict[str, int] = {}
        self._remade: set[str] = set()
        self._finalizing = Lane({"sealed": self._finalize}, self.quarantine, tell)
        self._storing: dict[str, Lane] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._started = False
        self.finalizer_arguments: tuple[str, ...] = ()

    def start(self) -> None:
        """Begins to deliver."""
        self._started = True
        self._tasks = [asyncio.create_task(lane.run()) for lane in (self._finalizing, *self._storing.values())]

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
                self._lane_of(recording).add(recording)

    def _lane_of(self, recording: Recording) -> Lane:
        name = self._places.current(_tenant(recording)).name
        if name not in self._storing:
            steps: dict[State, Step] = {"finalized": self._upload, "uploaded": self._verify, "verified": self._release}
            self._storing[name] = lane = Lane(steps, self.quarantine, self._tell, WIDTH)
            if self._started:
                self._tasks.append(asyncio.create_task(lane.run()))
        return self._storing[name]

    async def quarantine(self, recording: Recording, error: Exception) -> None:
        log.error("! quarantined", recording=recording.id, reason=str(error))
        cause = next((cause for kind, cause in _CAUSES.items() if isinstance(error, kind)), "damaged")
        await self._reach(recording, "quarantined", reason=str(error), cause=cause)

    async def retry(self, recording: Recording) -> None:
        """Out of quarantine, from the beginning: the spool is still whole. Raises OSError."""
        self._crashes.pop(recording.id, None)
        self._remade.discard(recording.id)
        await self._reach(recording, "sealed", reason="", cause="")
        self.add(recording)

    def forget(self, recording: Recording) -> None:
        """Removes the last trace of a released recording. Waits for the disk."""
        with contextlib.suppress(OSError):
            (recording.folder / journal.NAME).unlink(missing_ok=True)
            recording.folder.rmdir()

    async def _finalize(self, recording: Recording) -> None:
        known = recording.journal
        home = await self._keys.bring_home(known.wrapped, owner_of(known.start))
        if home is not None:  # before anything is made that would name the other key
            await asyncio.to_thread(recording.save, wrapped=home.wrapped, key_id=home.key_id)
        data_key = await self._keys.unwrap(recording.journal.wrapped, owner_of(known.start))
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
                self._lane_of(recording).add(recording)
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
        if not await self._is_whole(recording):
            await self._make_again(recording)
            return
        place = self._places.current(_tenant(recording))
        await self._check_free(recording, recording.journal.start.key, place)
        if place.storage.sealed:
            await self._put_key(recording, place)
        for made in recording.journal.objects:
            source = await self._source(recording, made, place)
            try:
                await place.store.put(made.key, source)
            except KeyTaken:
                await self._check_free(recording, made.key, place)  # ours, from a try that was cut off
        await self._reach(recording, "uploaded", place=place.name)

    async def _is_whole(self, recording: Recording) -> bool:
        """Whether the files that were made are still what they were: a store proves what it was given, not that it was
        given the right thing. Raises KmsError."""
        data_key = await self._keys.unwrap(recording.journal.wrapped, owner_of(recording.journal.start))
        return await asyncio.to_thread(_are_as_made, recording, data_key)

    async def _make_again(self, recording: Recording) -> None:
        """Of what was recorded, which is there until all is delivered. Raises Damaged the second time."""
        if recording.id in self._remade:
            raise Damaged("what is made of the recording does not stay as it is made")
        log.error("! made again, it was not as it was made", recording=recording.id)
        self._remade.add(recording.id)
        await self._reach(recording, "sealed")
        self.add(recording)

    async def _put_key(self, recording: Recording, place: Place) -> None:
        """First of all: whoever finds an object finds what opens it. Raises KeyTaken, StoreFailed."""
        owner = owner_of(recording.journal.start)
        name = key_object_key(recording.journal.start.key)
        known = recording.journal
        source = HeldSource(key_object.encode(owner, known.wrapped, known.key_id), labels_of(owner))
        try:
            await place.store.put(name, source)
        except KeyTaken:
            await self._check_key(recording, place)  # ours, from a try that was cut off

    async def _check_key(self, recording: Recording, place: Place) -> None:
        """Raises KeyTaken when the key object opens anything but this recording, StoreFailed, KmsAway."""
        owner = owner_of(recording.journal.start)
        try:
            kept = await read_key_object(place.store, key_object_key(recording.journal.start.key))
            same = await self._keys.unwrap(kept.wrapped, owner) == recording.data_key
        except (Damaged, KeyUnavailable):
            same = False
        if not same:
            raise KeyTaken("something else is stored as the recording's key object")

    async def _source(self, recording: Recording, made: Made, place: Place) -> Source:
        """What is put there of a file. Raises OSError, Damaged, KmsError."""
        known, path = recording.journal, recording.folder / made.file
        owner = owner_of(known.start)
        if place.storage.sealed:
            return await asyncio.to_thread(SealedSource, path, labels_of(owner))
        data_key = await self._keys.unwrap(known.wrapped, owner)
        return await asyncio.to_thread(OpenedSource, path, data_key, labels_of(owner))

    async def _check_free(self, recording: Recording, key: str, place: Place) -> None:
        """Raises KeyTaken: delivering again is fine, overwriting another recording is not."""
        try:
            reader = await _reader(place, key)
            await reader.open(self._keys)
        except NoSuchObject:
            return
        except (Damaged, KeyUnavailable):
            raise KeyTaken("something else is stored under the recording's key") from None
        if reader.owner is None or reader.owner != owner_of(recording.journal.start):
            raise KeyTaken("another recording is stored under the recording's key")

    async def _verify(self, recording: Recording) -> None:
        """Compares what is stored with what was made; uploads it once more when it is not the same."""
        place = self._places.named(_tenant(recording), recording.journal.place)
        try:
            if place.storage.sealed:
                await self._check_key(recording, place)
            for made in recording.journal.objects:
                await self._compare(recording, made, place)
        except (Damaged, NoSuchObject, KeyTaken) as error:
            for made in recording.journal.objects:
                await place.store.delete(made.key)
            await place.store.delete(key_object_key(recording.journal.start.key))
            await self._reach(recording, "finalized")
            raise StoreFailed(f"the store gave back something else: {error}") from None
        await self._reach(recording, "verified")

    async def _compare(self, recording: Recording, made: Made, place: Place) -> None:
        """Raises Damaged, NoSuchObject, StoreFailed, KmsError."""
        matches = await place.store.matches(made.key, await self._source(recording, made, place))
        if matches is None:
            matches = await self._hash(made.key, place) == made.sha256
        if not matches:
            raise Damaged("other contents")

    async def _hash(self, key: str, place: Place) -> str:
        reader = await _reader(place, key)
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


async def _reader(place: Place, key: str) -> ObjectReader:
    """Raises NoSuchObject, StoreFailed."""
    return ObjectReader(place.store, key, await place.store.info(key), plain=not place.storage.sealed)


def _tenant(recording: Recording) -> Tenant:
    start = recording.journal.start
    return Tenant(start.account, start.instance)


def _are_as_made(recording: Recording, data_key: Pii[bytes]) -> bool:
    try:
        for made in recording.journal.objects:
            source, digest = OpenedSource(recording.folder / made.file, data_key, {}), hashlib.sha256()
            for start in range(0, source.size, _CHUNK):
                digest.update(source.read(start, _CHUNK))
            if digest.hexdigest() != made.sha256:
                return False
    except (OSError, Damaged):
        return False
    return True


def _remove_sound(recording: Recording) -> None:
    for path in recording.folder.iterdir():
        if path.name != journal.NAME:
            path.unlink()
