"""What the recorder does: opens, seals, delivers and reads recordings, and finds them again at its start."""

import asyncio
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from ipc.messages import Command, Done, Refusal
from recorder import api
from recorder.delivery.deliver import Delivery
from recorder.delivery.names import check_key
from recorder.delivery.places import Places, Tenant
from recorder.delivery.storage import check_storage
from recorder.errors import BadKey, Damaged
from recorder.keeping import durable
from recorder.keeping.keys import RecordingKeys, owner_of
from recorder.keeping.library import Library
from recorder.keeping.rewrapping import renew_journal
from recorder.spooling import journal as journals
from recorder.spooling.appender import Appender
from recorder.spooling.journal import Journal
from recorder.spooling.open_recordings import OpenRecordings
from recorder.spooling.recording import Recording
from recorder.spooling.repair import repair
from recorder.spooling.spool import Spool
from recorder.wire import Slice
from vault.kms import DataKey, KmsAway, KmsError

REMEMBER_SECONDS = 24 * 3600.0
"""How long a released recording's journal is kept, so that a control plane that was away can ask."""
KMS_RETRY_SECONDS = 2.0
"""How often recordings whose key could not be unwrapped at the start, the KMS being away, are looked at again."""
Publish = Callable[[api.StateChanged], None]
_HEX = re.compile(r"[0-9a-f]{32}")
log = structlog.get_logger()


class Recorder:
    """Holds all recordings. `publish` is called with every StateChanged."""

    def __init__(
        self,
        folder: Path,
        keys: RecordingKeys,
        places: Places,
        spool: Spool,
        publish: Publish,
    ) -> None:
        self._folder = folder / "spool"
        self._keys = keys
        self._places = places
        self._spool = spool
        self._publish = publish
        self._recordings: dict[str, Recording] = {}
        self._open = OpenRecordings(spool, self._sealed)
        self._locked: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self.get_space: Callable[[], api.SpaceStatus] = api.SpaceStatus
        """What is told of the spool's disk."""
        self._library = Library(keys, places, lambda: (one.journal.start.key for one in self._recordings.values()))
        self.delivery = Delivery(keys, places, self._tell)
        spool.on_trouble = self._on_trouble
        self._table: dict[type[Any], Callable[[Any], Any]] = {
            api.Configure: self._configure,
            api.Start: self._start,
            api.Seal: self._seal,
            api.GetRecordings: self._get_recordings,
            api.Read: self._library.read,
            api.ReadManifest: self._library.read_manifest,
            api.Delete: self._delete,
            api.Retry: self._retry,
            api.Rewrap: self._rewrap,
        }

    async def handle(self, command: Command[Any]) -> msgspec.Struct:
        """Carries out a command of recorder.api. Raises Refusal."""
        answer: msgspec.Struct = await self._table[type(command)](command)
        return answer

    # What the intake asks.

    def is_open(self, recording: bytes) -> bool:
        return recording in self._open

    def is_over(self, recording: bytes) -> bool:
        known = self._recordings.get(recording.hex())
        return known is not None and recording not in self._open and not known.locked

    def see(self, record: Slice) -> None:
        self._open.see(record)

    def on_started(self, told: Callable[[bytes], None]) -> None:
        """Tells of each recording that takes records from now on."""
        self._open.on_started = told

    # The beginning and the end.

    async def resume(self) -> None:
        """Finds what earlier lives left: repairs and reopens what is open, goes on delivering the rest."""
        await asyncio.to_thread(durable.make_folder, self._folder)
        for folder in sorted(self._folder.iterdir()):
            if _HEX.fullmatch(folder.name):
                await self._look_at(folder)
        if any(recording.locked for recording in self._recordings.values()):
            self._locked = asyncio.create_task(self._unlock())
        self.count_clients(0)

    def count_clients(self, clients: int) -> None:
        """Told how many control planes are connected."""
        self._open.count_clients(clients)

    async def close(self) -> None:
        if self._locked is not None:
            self._locked.cancel()
            await asyncio.gather(self._locked, return_exceptions=True)
        await self._open.close()
        await self.delivery.close()

    async def _look_at(self, folder: Path) -> None:
        try:
            await self._find(folder)
        except OSError as error:  # one folder that cannot be read or repaired must not keep all others waiting
            self._set_aside(folder, f"its spool cannot be read: {error.strerror}")
        except KmsAway as error:
            await self._lock_up(folder, str(error))

    async def _lock_up(self, folder: Path, reason: str) -> None:
        """Its key cannot be had just now. What its journal claims is enough to know it by."""
        if folder.name not in self._recordings:
            claimed = await asyncio.to_thread(journals.claim, folder)
            self._recordings[folder.name] = recording = Recording(folder, claimed, None)
            recording.locked, recording.trouble = True, reason
            self._tell(recording)

    async def _unlock(self) -> None:
        """Until the KMS has been back for all of them."""
        while locked := [recording for recording in self._recordings.values() if recording.locked]:
            await asyncio.sleep(KMS_RETRY_SECONDS)  # the KMS does not tell when it is back
            for recording in locked:
                await self._look_at(recording.folder)

    async def _find(self, folder: Path) -> None:
        try:
            journal, data_key = await journals.load(folder, self._keys)
        except (Damaged, OSError) as error:
            if await asyncio.to_thread(_discard_unborn, folder):
                return
            self._set_aside(folder, str(error) if isinstance(error, Damaged) else f"no journal: {error.strerror}")
            return
        before = self._recordings.get(folder.name)
        self._recordings[folder.name] = recording = Recording(folder, journal, data_key)
        if before is not None and before.locked:
            recording.save_open(start=before.journal.start, seal_asked=before.journal.seal_asked)
            self._tell(recording)
        if journal.state == "recording":
            await self._reopen(recording)
        elif journal.state == "released":
            self._forget_later(recording)
        else:
            self.delivery.add(recording)

    def _set_aside(self, folder: Path, reason: str) -> None:
        """In quarantine until the next start, which looks at it anew: nothing is written."""
        known = self._recordings.get(folder.name)
        journal = known.journal if known is not None else _unreadable(folder.name)
        times = journal.times | {"quarantined": time.time()}
        journal = msgspec.structs.replace(journal, state="quarantined", times=times, reason=reason, cause="unreadable")
        self._recordings[folder.name] = recording = Recording(folder, journal, None)
        self._tell(recording)

    async def _reopen(self, recording: Recording) -> None:
        assert recording.data_key is not None
        data_key, owner = recording.data_key, owner_of(recording.journal.start)
        try:
            repaired = await asyncio.to_thread(repair, recording.folder, data_key, owner)
        except Damaged as error:
            await self.delivery.quarantine(recording, error)
            return
        for kind, party in repaired.events:
            recording.see(kind, party)
        self._open.add(recording, Appender(recording.folder, data_key, owner, repaired.counts))
        if recording.journal.seal_asked:
            self._open.seal(recording)

    # Commands.

    async def _configure(self, command: api.Configure) -> Done:
        try:
            check_storage(command.storage)
        except ValueError as error:
            raise Refusal("bad_command", str(error)) from None
        await self._places.configure(Tenant(command.account, command.instance), command.storage)
        return Done()

    async def _start(self, command: api.Start) -> Done:
        _check(command)
        async with self._lock:
            known = self._recordings.get(command.recording)
            if known is not None:
                await self._start_again(known, command)
                return Done()
            if any(other.journal.start.key == command.key for other in self._recordings.values()):
                raise Refusal("exists", "another recording has this key")
            try:
                made = await self._keys.generate(owner_of(command))
            except KmsError as error:
                raise Refusal("internal", f"there is no key for it: {error}") from None
            try:
                recording = await self._spool.in_thread(lambda: self._create(command, made))
            except OSError as error:
                raise Refusal("internal", f"the spool cannot be written: {error.strerror}") from None
            self._recordings[recording.id] = recording
            owner = owner_of(command)
            assert recording.data_key is not None
            self._open.add(recording, Appender(recording.folder, recording.data_key, owner, {}))
            self._tell(recording)
        return Done()

    async def _start_again(self, known: Recording, command: api.Start) -> None:
        """The same Start, or one that names further parties, who joined later."""
        start = known.journal.start
        if msgspec.structs.replace(command, parties=start.parties) != start:
            raise Refusal("exists", "this recording was started with other contents")
        if not set(start.parties) <= set(command.parties):
            raise Refusal("exists", "this recording was started with other parties")
        if set(command.parties) != set(start.parties) and known.journal.state == "recording":
            await self._spool.in_thread(lambda: known.save_open(start=command))

    async def _seal(self, command: api.Seal) -> Done:
        recording = self._recordings.get(command.recording)
        if recording is None:
            raise Refusal("no_such_recording", "no recording has this id")
        if recording.journal.state == "recording" and not recording.journal.seal_asked:
            async with self._lock:
                await self._spool.in_thread(lambda: recording.save_open(seal_asked=True))
            if not recording.locked:
                self._open.seal(recording)
        return Done()

    async def _get_recordings(self, _: api.GetRecordings) -> api.Recordings:
        statuses = tuple(recording.status() for recording in self._recordings.values())
        return api.Recordings(statuses, self.get_space())

    async def _delete(self, command: api.Delete) -> Done:
        known = [one for one in self._recordings.values() if one.journal.start.key == command.key]
        if any(one.journal.state not in ("released", "quarantined") for one in known):
            raise Refusal("not_ready", "the recording has not been released yet")
        await self._library.erase(command)
        for one in known:
            await self._discard(command, one)
        log.info("= deleted")
        return Done()

    async def _discard(self, command: api.Delete, recording: Recording) -> None:
        """What the spool has kept of a quarantined recording that nobody may have any more."""
        start = recording.journal.start
        mine = (start.account, start.instance) == (command.account, command.instance)
        if not mine or recording.journal.state != "quarantined" or command.recording not in ("", recording.id):
            return
        await asyncio.to_thread(shutil.rmtree, recording.folder, ignore_errors=True)
        self._recordings.pop(recording.id, None)

    async def _retry(self, command: api.Retry) -> Done:
        recording = self._recordings.get(command.recording)
        owner = owner_of(recording.journal.start)[:2] if recording is not None else None
        # Of a journal that cannot be read nobody knows the owner but the one who asks.
        if recording is None or owner not in ((command.account, command.instance), ("", "")):
            raise Refusal("no_such_recording", "no recording has this id")
        if recording.journal.state != "quarantined":
            return Done()
        if recording.data_key is None:
            await self._look_at(recording.folder)
            return Done()
        try:
            await self.delivery.retry(recording)
        except OSError as error:
            raise Refusal("internal", f"the spool cannot be written: {error.strerror}") from None
        return Done()

    async def _rewrap(self, command: api.Rewrap) -> api.Rewrapped:
        renewed = 0
        for recording in tuple(self._recordings.values()):
            if owner_of(recording.journal.start)[:2] == (command.account, command.instance):
                try:
                    renewed += await renew_journal(recording, self._keys)
                except (KmsAway, OSError) as error:
                    raise Refusal("not_ready", str(error)) from None
        return api.Rewrapped(renewed)

    # What changes.

    def _create(self, start: api.Start, made: DataKey) -> Recording:
        """Raises OSError."""
        folder = self._folder / start.recording
        durable.make_folder(folder)
        journal = Journal(start, made.wrapped, made.key_id, "recording", {"recording": time.time()})
        recording = Recording(folder, journal, made.plain)
        recording.save()
        return recording

    def _sealed(self, recording: Recording) -> None:
        self._tell(recording)
        self.delivery.add(recording)

    def _on_trouble(self, recording: str, reason: str) -> None:
        self._recordings[recording].trouble = reason
        self._tell(self._recordings[recording])

    def _forget_later(self, recording: Recording) -> None:
        left = recording.journal.times["released"] + REMEMBER_SECONDS - time.time()
        asyncio.get_running_loop().call_later(max(left, 0.0), self._forget, recording)

    def _forget(self, recording: Recording) -> None:
        self._recordings.pop(recording.id, None)
        asyncio.get_running_loop().run_in_executor(None, self.delivery.forget, recording)

    def _tell(self, recording: Recording) -> None:
        status = recording.status()
        if status.state == "released":
            self._forget_later(recording)
        log.info("= " + status.state, recording=status.recording, reason=status.reason)
        self._publish(api.StateChanged(status))


def _check(start: api.Start) -> None:
    """Raises Refusal."""
    if not _HEX.fullmatch(start.recording):
        raise Refusal("bad_command", "a recording's id has 32 hexadecimal digits")
    if not all((start.account, start.instance, start.contact)):
        raise Refusal("bad_command", "account, instance and contact are needed")
    if not start.key.endswith(api.FORMATS[start.format][0]):
        raise Refusal("bad_command", f"the key of a {start.format} ends in {api.FORMATS[start.format][0]}")
    indices = [party.index for party in start.parties]
    if len(set(indices)) != len(indices) or not all(0 <= index <= 255 for index in indices):
        raise Refusal("bad_command", "parties have different indices from 0 to 255")
    try:
        check_key(start.key)
    except BadKey as error:
        raise Refusal("bad_command", str(error)) from None


def _unreadable(name: str) -> Journal:
    """Stands for a journal that cannot be read: nothing is known of the recording but its id."""
    start = api.Start(recording=name, account="", instance="", contact="", key="", parties=())
    return Journal(start, b"", "", "quarantined", {})


def _discard_unborn(folder: Path) -> bool:
    """A folder whose first journal was never committed holds nothing, and nobody was told that it is there."""
    if any(path.name != journals.NAME + durable.NEW for path in folder.iterdir()):
        return False
    (folder / (journals.NAME + durable.NEW)).unlink(missing_ok=True)
    folder.rmdir()
    return True
