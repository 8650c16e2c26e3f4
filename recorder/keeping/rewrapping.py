"""Brings the data keys of recordings under the newest version of their master key: those of the spool in its journals,
those of delivered recordings in their key objects.

What is sealed is never touched, and each key is replaced in one step: it may be cut off anywhere and begun again, and
leaves alone what is done already. An object of the first format has its wrapped key in its header, which cannot be
changed: it gets a key object beside it, which is what is read from then on.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from recorder.api import Tally
from recorder.delivery.names import KEY_OBJECT, key_object_key
from recorder.delivery.places import Place, Places, Tenant
from recorder.delivery.sources import HeldSource
from recorder.delivery.stores import ObjectStore
from recorder.errors import BadKey, Damaged, KeyTaken, NoSuchObject, StoreFailed
from recorder.keeping import key_object
from recorder.keeping.envelope import HEAD, Header, is_sealed, parse_head
from recorder.keeping.keys import Owner, RecordingKeys, owner_of
from recorder.keeping.objects import labels_of, read_key_object
from recorder.spooling import journal as journals
from recorder.spooling.recording import Recording
from vault.kms import KeyUnavailable

TRIES = 3
"""Somebody else may wrap the same key anew at the same time."""


async def renew_journal(recording: Recording, keys: RecordingKeys) -> bool:
    """Whether the key of a recording on its way was under another version. Raises KmsAway, OSError."""
    known = recording.journal
    if recording.data_key is None:
        return False
    try:
        made = await keys.rewrap(known.wrapped, owner_of(known.start))
    except KeyUnavailable:
        return False
    if made is not None:
        await asyncio.to_thread(recording.save, wrapped=made.wrapped, key_id=made.key_id)
    return made is not None


async def renew_spool(spool: Path, tenant: Tenant, keys: RecordingKeys) -> int:
    """How many keys of recordings on their way were renewed; nobody else may have the spool. Raises KmsAway,
    OSError."""
    renewed = 0
    for folder in sorted(spool.iterdir()) if spool.exists() else ():
        try:
            known, data_key = await journals.load(folder, keys)
        except (Damaged, FileNotFoundError, NotADirectoryError):
            continue
        if owner_of(known.start)[:2] == tenant:
            renewed += await renew_journal(Recording(folder, known, data_key), keys)
    return renewed


class Rewrapper:
    """Of what has been delivered."""

    def __init__(self, places: Places, keys: RecordingKeys) -> None:
        self._places = places
        self._keys = keys

    async def run(self, tenant: Tenant, tally: Tally) -> AsyncIterator[None]:
        """Goes on by one object with each step. Raises KmsAway, StoreFailed when a store cannot be listed."""
        async for place, key in self._places.keys(tenant):
            try:
                await self._look_at(place, key, (tenant, tally))
            except (NoSuchObject, BadKey):
                continue  # deleted meanwhile, or none that we would have put there
            except Damaged:
                tally.shut += 1
            except KeyUnavailable:
                tally.shut += 1
            except (StoreFailed, KeyTaken) as error:
                tally.refused += 1
                tally.reason = str(error)
            yield

    async def _look_at(self, place: Place, key: str, whose: tuple[Tenant, Tally]) -> None:
        tenant, tally = whose
        if key.endswith(KEY_OBJECT):
            await self._renew(place, key, whose)
            return
        head = await place.store.read(key, 0, HEAD)
        if not is_sealed(head):
            return
        header, _ = parse_head(head)
        if header.wrapped and header.owner()[:2] == tenant:
            tally.first += 1
            await self._add(place, (key, header), tally)

    async def _renew(self, place: Place, name: str, whose: tuple[Tenant, Tally]) -> None:
        tenant, tally = whose
        for tries_left in reversed(range(TRIES)):
            tag = (await place.store.info(name)).tag
            kept = await read_key_object(place.store, name)
            owner = kept.owner()
            if owner[:2] != tenant:
                return
            tally.seen += tries_left == TRIES - 1
            made = await self._keys.rewrap(kept.wrapped, owner)
            if made is None:
                return
            try:
                await _put(place.store, name, (owner, made.wrapped, made.key_id), tag)
            except KeyTaken:
                if not tries_left:
                    raise
                continue
            tally.renewed += 1
            tally.locked += place.storage.locked
            return

    async def _add(self, place: Place, found: tuple[str, Header], tally: Tally) -> None:
        """Once; from then on it is renewed like all others."""
        key, header = found
        name = key_object_key(key)
        try:
            await place.store.info(name)
            return
        except NoSuchObject:
            made = await self._keys.rewrap(header.wrapped, header.owner())
        if made is not None:
            tally.seen += 1
            await _put(place.store, name, (header.owner(), made.wrapped, made.key_id), "")
            tally.renewed += 1


async def _put(store: ObjectStore, name: str, kept: tuple[Owner, bytes, str], replaces: str) -> None:
    source = HeldSource(key_object.encode(*kept), labels_of(kept[0]))
    await store.put(name, source, replaces)
