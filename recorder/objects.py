"""Reads sealed objects from a store."""

from recorder.envelope import HEAD, Header, parse_head, stream_key
from recorder.errors import Damaged
from recorder.keys import RecordingKeys
from recorder.stores import ObjectStore
from vault.stream import StreamDamaged, StreamKey, open_range, plain_size, sealed_range

WHOLE = (0, 1 << 62)
"""The range of all that there is."""


class ObjectReader:
    """Reads ranges of a stored object."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._store = store
        self._key = key
        self._stream_key: StreamKey | None = None
        self._begin = 0
        self._sealed = 0
        self.header: Header | None = None
        self.total = 0
        """Length of the contents."""

    async def open(self, keys: RecordingKeys) -> None:
        """Raises NoSuchObject, StoreFailed, Damaged, KmsError."""
        size = await self._store.size(self._key)
        head = await self._store.read(self._key, 0, HEAD)
        self.header, self._begin = parse_head(head)
        data_key = await keys.unwrap(self.header.wrapped, self.header.owner())
        self._stream_key = stream_key(self.header, head[: self._begin], data_key)
        self._sealed = size - self._begin
        try:
            self.total = plain_size(self._sealed)
        except StreamDamaged as error:
            raise Damaged(str(error)) from None

    def belongs_to(self, account: str, instance: str) -> bool:
        """Whose it is, as its header says and as its segments are bound to."""
        return self.header is not None and (self.header.account, self.header.instance) == (account, instance)

    async def read(self, start: int, length: int) -> bytes:
        """What there is of this range. Raises NoSuchObject, StoreFailed, Damaged."""
        assert self._stream_key is not None
        length = min(length, self.total - start)
        if length <= 0:
            return b""
        first, end = sealed_range(start, length, self._sealed)
        piece = await self._store.read(self._key, self._begin + first, end - first)
        try:
            return open_range(self._stream_key, start, length, (piece, self._sealed))
        except StreamDamaged as error:
            raise Damaged(str(error)) from None


async def read_object(store: ObjectStore, keys: RecordingKeys, key: str, wanted: tuple[int, int]) -> tuple[bytes, int]:
    """What there is of the range (start, length), and the length of the whole. Raises as ObjectReader."""
    reader = ObjectReader(store, key)
    await reader.open(keys)
    return await reader.read(*wanted), reader.total
