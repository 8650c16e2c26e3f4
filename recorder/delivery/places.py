"""Which store the recordings of each instance are delivered to, and from which they are read back.

What the control plane said last is kept in a file, so that a recorder that comes back delivers before it is told again.
An instance that changes its storage keeps the earlier ones for reading: what was delivered stays where it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import structlog

from recorder.delivery.storage import Storage
from recorder.delivery.stores import DirectoryStore, ObjectStore
from recorder.errors import NoSuchObject
from recorder.keeping import durable
from recorder.keeping.objects import ObjectReader

if TYPE_CHECKING:
    from recorder.delivery.s3 import Limits, S3Store

NAME = "places.json"
EARLIER = 16
"""Storages that an instance has had before and that are still read from."""
log = structlog.get_logger()


class Tenant(NamedTuple):
    account: str
    instance: str


class Place(NamedTuple):
    """A store, and how things are put there."""

    name: str
    """The same for the same place, whoever names it; in logs and journals."""
    storage: Storage
    store: ObjectStore


class _Kept(msgspec.Struct, frozen=True):
    account: str
    instance: str
    storages: tuple[Storage, ...]
    """The latest first."""


class Places:
    """One store object a place. `close` it at the end."""

    def __init__(self, file: Path, directory: ObjectStore, limits: "Limits | None" = None) -> None:
        self._file = file
        self._directory = directory
        self._limits = limits
        self._storages: dict[Tenant, tuple[Storage, ...]] = {}
        self._stores: dict[str, S3Store] = {}
        self._saving = asyncio.Lock()

    @classmethod
    def open(cls, folder: Path, directory: Path | None = None, limits: "Limits | None" = None) -> "Places":
        """Those of a recorder's data folder. Raises OSError, msgspec.MsgspecError."""
        made = cls(folder / NAME, DirectoryStore(directory or folder / "objects"), limits)
        if made._file.exists():
            for kept in msgspec.json.decode(made._file.read_bytes(), type=tuple[_Kept, ...]):
                made._storages[Tenant(kept.account, kept.instance)] = kept.storages
                for storage in kept.storages:
                    _load(storage)
        return made

    async def close(self) -> None:
        for store in self._stores.values():
            await store.close()

    async def configure(self, tenant: Tenant, storage: Storage) -> None:
        """From now on the tenant's recordings go there. Raises OSError."""
        async with self._saving:
            before = self._storages.get(tenant, (Storage(),))
            if before[0] == storage:
                return
            earlier = tuple(other for other in before if _name(other) != _name(storage))
            storages = self._storages | {tenant: (storage, *earlier[:EARLIER])}
            kept = [_Kept(*owner, storages=known) for owner, known in storages.items()]
            await asyncio.to_thread(_load, storage)
            await asyncio.to_thread(durable.replace, self._file, msgspec.json.encode(kept))
            self._storages = storages
        log.info("= storage", instance=tenant.instance, place=_name(storage))

    def current(self, tenant: Tenant) -> Place:
        """Where the tenant's recordings are delivered to."""
        return self._place(self._of(tenant)[0])

    def named(self, tenant: Tenant, name: str) -> Place:
        """Where a recording of the tenant was delivered to, if it is still known; else the current one."""
        found = (storage for storage in self._of(tenant) if _name(storage) == name)
        return self._place(next(found, self._of(tenant)[0]))

    def all_of(self, tenant: Tenant) -> list[Place]:
        """Where recordings of the tenant may be, the likeliest first."""
        return [self._place(storage) for storage in self._of(tenant)]

    async def reader(self, tenant: Tenant, key: str) -> ObjectReader:
        """Of the place that has the object. Raises NoSuchObject, StoreFailed, BadKey."""
        for place in self.all_of(tenant):
            try:
                info = await place.store.info(key)
            except NoSuchObject:
                continue
            return ObjectReader(place.store, key, info, plain=not place.storage.sealed)
        raise NoSuchObject("nothing is stored under this key")

    async def keys(self, tenant: Tenant) -> AsyncIterator[tuple[Place, str]]:
        """All objects in all places of the tenant; a place that is shared has others', too."""
        for place in self.all_of(tenant):
            async with aclosing(place.store.list_keys()) as keys:
                async for key in keys:
                    yield place, key

    def _of(self, tenant: Tenant) -> tuple[Storage, ...]:
        return self._storages.get(tenant, (Storage(),))

    def _place(self, storage: Storage) -> Place:
        name = _name(storage)
        if not storage.bucket:
            return Place(name, storage, self._directory)
        fingerprint = repr(storage)
        if fingerprint not in self._stores:
            from recorder.delivery.s3 import S3Store

            self._stores[fingerprint] = S3Store(storage, self._limits)
        return Place(name, storage, self._stores[fingerprint])


def _load(storage: Storage) -> None:
    """The libraries of S3 take most of a recorder's start: who keeps recordings in a directory goes without, and who
    does not has them before the loop needs them."""
    if storage.bucket:
        import recorder.delivery.s3  # noqa: F401


def _name(storage: Storage) -> str:
    if not storage.bucket:
        return "directory"
    return f"{storage.endpoint or 's3'}/{storage.bucket}/{storage.prefix}"
