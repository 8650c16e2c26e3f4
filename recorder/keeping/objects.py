"""Reads objects from a store, sealed ones and, where the store is trusted with them, plain ones."""

from collections.abc import Mapping

from recorder.delivery.names import key_object_key
from recorder.delivery.stores import Info, ObjectStore
from recorder.errors import BadKey, Damaged, NoSuchObject
from recorder.keeping import key_object
from recorder.keeping.envelope import HEAD, Header, is_sealed, parse_head, stream_key
from recorder.keeping.key_object import KeyObject
from recorder.keeping.keys import Owner, RecordingKeys
from vault.kms import KeyUnavailable
from vault.pii import Pii
from vault.stream import StreamDamaged, StreamKey, open_range, plain_size, sealed_range

WHOLE = (0, 1 << 62)
"""The range of all that there is."""


class ObjectReader:
    """Reads ranges of a stored object."""

    def __init__(self, store: ObjectStore, key: str, info: Info, plain: bool = False) -> None:
        self._store = store
        self._key = key
        self._info = info
        self._may_be_plain = plain
        self._stream_key: StreamKey | None = None
        self._begin = 0
        self._sealed = 0
        self.owner: Owner | None = None
        """Whose it is: as its header says and its segments are bound to, or as the store's labels say."""
        self.key_id = ""
        """Which master key wrapped its data key; empty: it is not sealed."""
        self.total = 0
        """Length of the contents."""

    async def open(self, keys: RecordingKeys) -> None:
        """Raises NoSuchObject, StoreFailed, Damaged, KmsError."""
        head = await self._store.read(self._key, 0, HEAD)
        if self._may_be_plain and not is_sealed(head):
            self.owner = owner_in(self._info.labels)
            self.total = self._info.size
            return
        header, self._begin = parse_head(head)
        self.owner = header.owner()
        data_key = await self._data_key(header, keys)
        self._stream_key = stream_key(header, head[: self._begin], data_key)
        self._sealed = self._info.size - self._begin
        try:
            self.total = plain_size(self._sealed)
        except StreamDamaged as error:
            raise Damaged(str(error)) from None

    async def _data_key(self, header: Header, keys: RecordingKeys) -> Pii[bytes]:
        owner = header.owner()
        try:
            kept = await read_key_object(self._store, key_object_key(header.sound or self._key))
            if kept.owner() != owner:
                raise Damaged("the key object is another recording's")
            data_key = await keys.unwrap(kept.wrapped, owner)
        except (NoSuchObject, BadKey, Damaged, KeyUnavailable) as error:
            if not header.wrapped:
                if isinstance(error, KeyUnavailable):
                    raise
                raise Damaged(f"its key cannot be had: {error}") from None
            data_key = await keys.unwrap(header.wrapped, owner)
            self.key_id = header.key_id
        else:
            self.key_id = kept.key_id
        return data_key

    def belongs_to(self, account: str, instance: str) -> bool:
        return self.owner is not None and (self.owner.account, self.owner.instance) == (account, instance)

    async def read(self, start: int, length: int) -> bytes:
        """What there is of this range. Raises NoSuchObject, StoreFailed, Damaged."""
        length = min(length, self.total - start)
        if length <= 0:
            return b""
        if self._stream_key is None:
            return await self._store.read(self._key, start, length)
        first, end = sealed_range(start, length, self._sealed)
        piece = await self._store.read(self._key, self._begin + first, end - first)
        try:
            return open_range(self._stream_key, start, length, (piece, self._sealed))
        except StreamDamaged as error:
            raise Damaged(str(error)) from None


async def read_key_object(store: ObjectStore, name: str) -> KeyObject:
    """Raises NoSuchObject, StoreFailed, BadKey, Damaged."""
    return key_object.parse(await store.read(name, 0, key_object.MAX_SIZE + 1))


def labels_of(owner: Owner) -> dict[str, str]:
    """What a store is told of an object's owner; nothing in it is personal."""
    return owner._asdict()


def owner_in(labels: Mapping[str, str]) -> Owner | None:
    try:
        return Owner(*(labels[name] for name in Owner._fields))
    except KeyError:
        return None


async def read_object(store: ObjectStore, keys: RecordingKeys, key: str, wanted: tuple[int, int]) -> tuple[bytes, int]:
    """What there is of the range (start, length) of a sealed object, and the length of the whole. Raises as
    ObjectReader."""
    reader = ObjectReader(store, key, await store.info(key))
    await reader.open(keys)
    return await reader.read(*wanted), reader.total
