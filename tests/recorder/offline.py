"""Spools made without a process, and what the finalizer makes of them."""

import asyncio
import io
import shutil
import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from recorder import api
from recorder.delivery.names import key_object_key, manifest_key
from recorder.delivery.sources import OpenedSource
from recorder.delivery.stores import DirectoryStore
from recorder.errors import Damaged
from recorder.finalizing import manifest, outcome
from recorder.finalizing.finalize import finalize
from recorder.finalizing.outcome import Failed, Finished, Outcome
from recorder.keeping import key_object
from recorder.keeping.keys import RecordingKeys, context_of, owner_of
from recorder.keeping.objects import WHOLE, read_object
from recorder.spooling import journal
from recorder.spooling.appender import Appender
from recorder.spooling.journal import Journal
from recorder.spooling.repair import repair
from recorder.wire import Record
from tests.recorder.process import PARTIES, Delivered, start_of
from tests.support.tapper import batches
from vault.keyring import LocalKeyring, LocalKms
from vault.kms import KeyUnavailable, master_name
from vault.pii import Pii

RECORDING = "0123456789abcdef0123456789abcdef"
FLUSH = 5
"""Batches in a frame."""


class Room:
    """A folder with a keyring, in which recordings are spooled and finalized."""

    def __init__(self, folder: Path, keyring: Path | None = None) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.keyring = keyring or folder / "keyring.json"
        self.ring = LocalKeyring.open(self.keyring)
        self.keys = RecordingKeys(LocalKms(self.ring))

    def spool(
        self, records: Iterable[Record], parties: tuple[api.Party, ...] = PARTIES, recording: str = RECORDING
    ) -> Path:
        """A recording's folder, as it is when it has been sealed."""
        return self.spool_as(start_of(recording, parties), records)

    def spool_as(self, start: api.Start, records: Iterable[Record], lives: int = 1) -> Path:
        """The same for a recording that was started like this, and written in so many lives of the recorder."""
        return self.spool_bodies(start, list(batches(records)), lives)

    def spool_bodies(self, start: api.Start, bodies: list[bytes], lives: int = 1) -> Path:
        """The same from what the worker wrote each tick."""
        owner = owner_of(start)
        made = self.ring.generate(master_name(*owner[:2]), context_of(owner))
        folder = self.folder / start.recording
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        journal.save(folder, Journal(start, made.wrapped, made.key_id, "sealed", {"sealed": 1.0}), made.plain)
        share = len(bodies) // lives + 1
        for life in range(lives):
            appender = Appender(folder, made.plain, owner, repair(folder, made.plain, owner).counts)
            for index in range(life * share, min((life + 1) * share, len(bodies)), FLUSH):
                appender.append(b"".join(bodies[index : min(index + FLUSH, (life + 1) * share)]))
        appender.close()
        return folder

    def load(self, folder: Path) -> tuple[Journal, Pii[bytes]]:
        """The journal of a recording and its data key."""
        claimed = journal.claim(folder)
        data_key = self.ring.unwrap(claimed.wrapped, context_of(owner_of(claimed.start)))
        return journal.opened(folder, data_key), data_key

    def finalize(self, folder: Path) -> Outcome:
        """What becomes of a recording that is found in this folder."""
        try:
            return finalize(folder, self.load(folder)[1])
        except (Damaged, KeyUnavailable, FileNotFoundError) as error:
            return Failed(str(error))

    def open(self, folder: Path) -> Delivered:
        """What the finalizer made."""
        return self._delivered(folder, outcome.SOUND, outcome.MANIFEST)

    def deliver(self, folder: Path, made: Finished, store: Path) -> None:
        """As the delivery does it, to a store that is a directory."""
        known = self.load(folder)[0]
        for one in made.objects:
            (store / one.key).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / one.file, store / one.key)
        encoded = key_object.encode(owner_of(known.start), known.wrapped, known.key_id)
        (store / key_object_key(known.start.key)).write_bytes(encoded)

    def open_stored(self, store: Path, key: str) -> Delivered:
        """What is stored under a key."""
        return self._delivered(store, key, manifest_key(key))

    def _delivered(self, folder: Path, sound: str, told: str) -> Delivered:
        with wave.open(io.BytesIO(self.read(folder, sound))) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
            read = manifest.decode(self.read(folder, told))
            return Delivered(file.getframerate(), samples[:, 0], samples[:, 1], read)

    def made_of(
        self, records: Iterable[Record], parties: tuple[api.Party, ...] = PARTIES, recording: str = RECORDING
    ) -> Delivered:
        """What these records become."""
        folder = self.spool(records, parties, recording)
        result = self.finalize(folder)
        assert isinstance(result, Finished), result
        return self.open(folder)

    def read(self, folder: Path, name: str) -> bytes:
        """What is in a sealed file."""
        if (folder / journal.NAME).exists():  # before the delivery the journal has the key
            source = OpenedSource(folder / name, self.load(folder)[1], {})
            return source.read(0, source.size)
        return asyncio.run(read_object(DirectoryStore(folder), self.keys, name, WHOLE))[0]
