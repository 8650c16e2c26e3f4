"""The data keys of the instances: one a day for sealed fields, one for blind indexes.

They are wrapped by the KMS in the table, and plain in a bounded cache."""

import asyncio
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, insert

from signaling.center.resources import Tenant
from signaling.store.database import Database
from signaling.store.errors import Conflict
from signaling.store.tables import data_keys, of
from vault.fields import KEY_ID, FieldKey
from vault.kms import Kms
from vault.pii import Pii

FIELDS = "fields"
INDEX = "index"
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


class DataKeys:
    """Gets keys, and makes those that are missing. What was sealed under a destroyed key stays shut:

    a new key of that day has a new id."""

    def __init__(self, database: Database, kms: Kms, clock: Callable[[], float]) -> None:
        self._database = database
        self._kms = kms
        self._clock = clock
        self._cache: OrderedDict[tuple[str, str, bytes], FieldKey] = OrderedDict()
        self._ids: dict[_Name, bytes] = {}
        self._making = asyncio.Lock()

    async def of_day(self, tenant: Tenant, at: float) -> FieldKey:
        """The key that seals what belongs to the UTC day of `at`, in Unix seconds. Raises vault.kms.KmsError."""
        day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
        return await self._named(_Name(tenant.account, tenant.instance, FIELDS, day))

    async def of_index(self, tenant: Tenant) -> Pii[bytes]:
        """The key of the instance's blind indexes. Raises vault.kms.KmsError."""
        return (await self._named(_Name(tenant.account, tenant.instance, INDEX, FOREVER))).plain

    async def by_ids(self, tenant: Tenant, ids: Iterable[bytes]) -> dict[bytes, FieldKey]:
        """The tenant's keys of these ids; those that were destroyed are missing. Raises vault.kms.KmsError."""
        wanted = set(ids)
        found = {id: key for id in wanted if (key := self._cached(tenant.account, tenant.instance, id))}
        if missing := wanted - found.keys():
            query = _of_tenant(tenant.account, tenant.instance).where(data_keys.c.id.in_(missing))
            async with self._database.read() as connection:
                rows = (await connection.execute(query)).all()
            found |= {row.id: await self._unwrap(row) for row in rows}
        return found

    async def _named(self, name: _Name) -> FieldKey:
        id = self._ids.get(name)
        if id and (key := self._cached(name.account, name.instance, id)):
            return key
        async with self._making:
            key = await self._find(name) or await self._make(name)
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
        made = await self._kms.generate("", name.context())
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
        return self._remember(name.account, name.instance, key)

    async def _unwrap(self, row: Row[Any]) -> FieldKey:
        name = _Name(row.account, row.instance, row.purpose, row.period)
        plain = await self._kms.unwrap(row.wrapped, name.context())
        return self._remember(row.account, row.instance, FieldKey(row.id, plain))

    def _cached(self, account: str, instance: str, id: bytes) -> FieldKey | None:
        place = (account, instance, id)
        if place in self._cache:
            self._cache.move_to_end(place)
        return self._cache.get(place)

    def _remember(self, account: str, instance: str, key: FieldKey) -> FieldKey:
        self._cache[account, instance, key.id] = key
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return key


def _of_tenant(account: str, instance: str) -> Select[Any]:
    return of(Tenant(account, instance, ""), data_keys)
