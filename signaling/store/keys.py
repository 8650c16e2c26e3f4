"""The data keys of the instances: one a day for sealed fields, one for blind indexes.

They are wrapped by the KMS in the table and in a bounded cache; plain ones are the KMS's to remember."""

import asyncio
import contextlib
import json
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, delete, insert, update

from signaling.center.resources import Tenant
from signaling.store.database import Database
from signaling.store.errors import Conflict
from signaling.store.tables import data_keys, of
from vault.fields import KEY_ID, FieldKey
from vault.kms import KeyDestroyed, KeyUnavailable, Kms, KmsError, master_name
from vault.pii import Pii

FIELDS = "fields"
INDEX = "index"
RESOURCES = "resources"
FOREVER = ""
CACHED = 512


class _Name(NamedTuple):
    """A key's identity, and what the KMS binds its wrapping to."""

    account: str
    instance: str
    purpose: str
    period: str

    def context(self) -> str:
        return json.dumps(["telephonist", "data-key", *self], separators=(",", ":"))

    @property
    def master(self) -> str:
        return master_name(self.account, self.instance)


class _Wrapped(NamedTuple):
    wrapped: bytes
    name: _Name


class DataKeys:
    """Gets keys, and makes those that are missing. What was sealed under a destroyed key stays shut:

    a new key of that day has a new id."""

    def __init__(self, database: Database, kms: Kms, clock: Callable[[], float]) -> None:
        self._database = database
        self._kms = kms
        self._clock = clock
        self._cache: OrderedDict[tuple[str, str, bytes], _Wrapped] = OrderedDict()
        self._ids: dict[_Name, bytes] = {}
        self._making = asyncio.Lock()

    async def of_day(self, tenant: Tenant, at: float) -> FieldKey:
        """The key that seals what belongs to the UTC day of `at`, in Unix seconds. Raises vault.kms.KmsError."""
        day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
        return await self._named(_Name(tenant.account, tenant.instance, FIELDS, day))

    async def of_resources(self, tenant: Tenant) -> FieldKey:
        """The key that seals secrets of the instance's configuration. Raises vault.kms.KmsError."""
        return await self._named(_Name(tenant.account, tenant.instance, RESOURCES, FOREVER))

    async def of_index(self, tenant: Tenant) -> Pii[bytes]:
        """The key of the instance's blind indexes. Raises vault.kms.KmsError."""
        return (await self._named(_Name(tenant.account, tenant.instance, INDEX, FOREVER))).plain

    async def by_ids(self, tenant: Tenant, ids: Iterable[bytes]) -> dict[bytes, FieldKey]:
        """The tenant's keys of these ids; those that were destroyed are missing. Raises vault.kms.KmsError."""
        wanted = set(ids)
        found = {id: key for id in wanted if (key := await self._cached(tenant.account, tenant.instance, id))}
        if missing := wanted - found.keys():
            query = _of_tenant(tenant.account, tenant.instance).where(data_keys.c.id.in_(missing))
            async with self._database.read() as connection:
                rows = (await connection.execute(query)).all()
            for row in rows:
                with contextlib.suppress(KeyUnavailable):
                    found[row.id] = await self._unwrap(row)
        return found

    async def rewrap(self, tenant: Tenant) -> AsyncIterator[bool]:
        """Brings every data key of the tenant under the newest version of its master key; for each, whether it was
        under another. May be cut off anywhere and begun again. Raises vault.kms.KmsAway."""
        async with self._database.read() as connection:
            rows = (await connection.execute(_of_tenant(tenant.account, tenant.instance))).all()
        for row in rows:
            name = _Name(row.account, row.instance, row.purpose, row.period)
            try:
                made = await self._kms.rewrap(name.master, row.wrapped, name.context())
            except KeyUnavailable:
                continue  # what was destroyed stays shut
            if made is not None:
                await self._replace(row, made.wrapped)
            yield made is not None

    async def _named(self, name: _Name) -> FieldKey:
        id = self._ids.get(name)
        if id and (key := await self._cached(name.account, name.instance, id)):
            return key
        async with self._making:
            try:
                key = await self._find(name) or await self._make(name)
            except KeyDestroyed:
                # What it sealed is gone for good; what comes from now on gets a key of its own.
                await self._bury(name)
                key = await self._make(name)
        self._ids[name] = key.id
        return key

    async def _find(self, name: _Name) -> FieldKey | None:
        query = _of_tenant(name.account, name.instance).where(
            data_keys.c.purpose == name.purpose, data_keys.c.period == name.period
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return await self._unwrap(row) if row else None

    async def _make(self, name: _Name) -> FieldKey:
        made = await self._kms.generate(name.master, name.context())
        key = FieldKey(secrets.token_bytes(KEY_ID), made.plain)
        row = {**name._asdict(), "id": key.id, "wrapped": made.wrapped, "created": self._clock()}
        try:
            async with self._database.write() as connection:
                await connection.execute(insert(data_keys).values(row))
        except Conflict:
            # Another process made it between our look and our insert: there is one key a day, and it is that one.
            other = await self._find(name)
            if other is None:
                raise
            return other
        self._remember(key.id, _Wrapped(made.wrapped, name))
        return key

    async def _unwrap(self, row: Row[Any]) -> FieldKey:
        name = _Name(row.account, row.instance, row.purpose, row.period)
        plain, wrapped = await self._kms.unwrap(row.wrapped, name.context()), row.wrapped
        with contextlib.suppress(KmsError):  # not home yet: at the next time, then
            if home := await self._kms.bring_home(name.master, wrapped, name.context()):
                wrapped = home.wrapped
                await self._replace(row, wrapped)
        self._remember(row.id, _Wrapped(wrapped, name))
        return FieldKey(row.id, plain)

    async def _replace(self, row: Row[Any], wrapped: bytes) -> None:
        """Unless another process was first."""
        mine = (data_keys.c.account == row.account, data_keys.c.instance == row.instance, data_keys.c.id == row.id)
        async with self._database.write() as connection:
            same = data_keys.c.wrapped == row.wrapped
            await connection.execute(update(data_keys).where(*mine, same).values(wrapped=wrapped))

    async def _bury(self, name: _Name) -> None:
        mine = [data_keys.c[field] == value for field, value in name._asdict().items()]
        async with self._database.write() as connection:
            await connection.execute(delete(data_keys).where(*mine))

    async def _cached(self, account: str, instance: str, id: bytes) -> FieldKey | None:
        """Known by its wrapped form: how long it opens without the KMS being asked is the KMS's to say."""
        place = (account, instance, id)
        known = self._cache.get(place)
        if known is None:
            return None
        self._cache.move_to_end(place)
        try:
            return FieldKey(id, await self._kms.unwrap(known.wrapped, known.name.context()))
        except KeyUnavailable:  # it may have been wrapped anew since
            del self._cache[place]
            return None

    def _remember(self, id: bytes, known: _Wrapped) -> None:
        self._cache[known.name.account, known.name.instance, id] = known
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)


def _of_tenant(account: str, instance: str) -> Select[Any]:
    return of(Tenant(account, instance, ""), data_keys)
