"""What is delivered: read again piece by piece, and erased. Everything that goes wrong is a Refusal."""

import contextlib
from collections.abc import Callable, Iterable
from contextlib import aclosing

from ipc.messages import Refusal
from recorder import api
from recorder.delivery.names import check_key, is_track, key_object_key, manifest_key, tracks_prefix
from recorder.delivery.places import Places, Tenant
from recorder.errors import BadKey, Damaged, NoSuchObject, RecorderError, StoreFailed
from recorder.keeping.keys import Owner, RecordingKeys
from vault.kms import KmsError

READ_LIMIT = 1024 * 1024


class Library:
    """`coming` are the keys of recordings that are or will be delivered."""

    def __init__(self, keys: RecordingKeys, places: Places, coming: Callable[[], Iterable[str]]) -> None:
        self._keys = keys
        self._places = places
        self._coming = coming

    async def read(self, command: api.Read) -> api.Chunk:
        """A range of the sound. Raises Refusal."""
        if not 0 < command.length <= READ_LIMIT or command.start < 0:
            raise Refusal("out_of_range", f"1 to {READ_LIMIT} bytes at a time")
        data, total = await self._read_object(command, command.key, (command.start, command.length))
        if command.start >= total:
            raise Refusal("out_of_range", f"the sound has {total} bytes")
        return api.Chunk(data, total)

    async def read_manifest(self, command: api.ReadManifest) -> api.Manifest:
        """Raises Refusal."""
        name = manifest_key(command.key)
        data, total = await self._read_object(command, name, (0, READ_LIMIT))
        while len(data) < total:
            data += (await self._read_object(command, name, (len(data), READ_LIMIT)))[0]
        return api.Manifest(data.decode())

    async def erase(self, command: api.Delete) -> None:
        """All objects of a key, in every place, unless they are another's. Idempotent. Raises Refusal."""
        try:
            check_key(command.key)
            stored = await self._stored(command)
            if stored is not None and (stored.account, stored.instance) != (command.account, command.instance):
                raise Refusal("no_such_recording", "nothing is stored under this key")
            if stored is None or command.recording in ("", stored.recording):
                await self._erase(command)
        except BadKey as error:
            raise Refusal("bad_command", str(error)) from None
        except StoreFailed as error:
            raise Refusal("internal", f"the store does not delete it: {error}") from None

    async def _erase(self, command: api.Delete) -> None:
        """The sound first, and the keys last: what is left when this is interrupted can be erased all the same."""
        sounds = (command.key, *await self._track_keys(command))
        objects = (*sounds, manifest_key(command.key))
        places = self._places.all_of(Tenant(command.account, command.instance))
        for key in sounds:  # all of them are out of the way, even where a lock keeps the first one's contents
            for place in places:
                await place.store.delete(key)
        for key in (*objects, *map(key_object_key, objects)):
            for place in places:
                await place.store.erase(key)

    async def _read_object(
        self, command: api.Read | api.ReadManifest, name: str, wanted: tuple[int, int]
    ) -> tuple[bytes, int]:
        try:
            check_key(command.key)
            reader = await self._places.reader(Tenant(command.account, command.instance), name)
            await reader.open(self._keys)
            if not reader.belongs_to(command.account, command.instance):
                raise Refusal("no_such_recording", "nothing is stored under this key")
            return await reader.read(*wanted), reader.total
        except BadKey as error:
            raise Refusal("bad_command", str(error)) from None
        except NoSuchObject:
            if command.key in self._coming():
                raise Refusal("not_ready", "the recording has not been delivered yet") from None
            raise Refusal("no_such_recording", "nothing is stored under this key") from None
        except (RecorderError, KmsError) as error:
            raise Refusal("internal", f"the recording cannot be read: {error}") from None

    async def _stored(self, command: api.Delete) -> Owner | None:
        """Whose the object under the key is, as far as it says so."""
        with contextlib.suppress(NoSuchObject):
            reader = await self._places.reader(Tenant(command.account, command.instance), command.key)
            with contextlib.suppress(Damaged, KmsError):
                await reader.open(self._keys)
            return reader.owner
        return None

    async def _track_keys(self, command: api.Delete) -> list[str]:
        """Of the objects beside a sound: as the stores list them, for the manifest opens no more than its key does."""
        found: dict[str, None] = {}
        for place in self._places.all_of(Tenant(command.account, command.instance)):
            async with aclosing(place.store.list_keys(tracks_prefix(command.key))) as names:
                found |= {name: None async for name in names if is_track(name, command.key)}
        return list(found)
