"""The resources of an instance as rows: the columns of a table are the fields of its struct."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import RowMapping, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from recorder.api import Storage
from signaling.center.resources import (
    Directory,
    Flow,
    Phone,
    PhoneNumber,
    Queue,
    QuickConnect,
    RecordingOptions,
    RetentionRule,
    RoutingProfile,
    SecurityProfile,
    Tenant,
    Trunk,
    User,
)
from signaling.store.tables import (
    contact_flows,
    instances,
    of,
    phone_numbers,
    phones,
    queues,
    quick_connects,
    recording_options,
    retention_rules,
    routing_profiles,
    security_profiles,
    storages,
    trunks,
    users,
)
from signaling.store.upsert import upsert

Struct = TypeVar("Struct", bound=msgspec.Struct)


class _Kind(NamedTuple):
    field: str
    """Of Directory."""
    table: Table
    struct: type[msgspec.Struct]


KINDS = (
    _Kind("users", users, User),
    _Kind("security_profiles", security_profiles, SecurityProfile),
    _Kind("routing_profiles", routing_profiles, RoutingProfile),
    _Kind("queues", queues, Queue),
    _Kind("quick_connects", quick_connects, QuickConnect),
    _Kind("flows", contact_flows, Flow),
    _Kind("numbers", phone_numbers, PhoneNumber),
    _Kind("trunks", trunks, Trunk),
    _Kind("phones", phones, Phone),
    _Kind("retention", retention_rules, RetentionRule),
)


def as_struct(row: RowMapping, struct: type[Struct]) -> Struct:
    """The columns of the row that are fields of the struct."""
    return msgspec.convert({name: row[name] for name in struct.__struct_fields__}, struct)


async def load_tenants(connection: AsyncConnection) -> list[Tenant]:
    """In the order of their aliases."""
    rows = await connection.execute(select(instances).order_by(instances.c.alias))
    return [as_struct(row, Tenant) for row in rows.mappings()]


async def load_directory(connection: AsyncConnection, tenant: Tenant) -> Directory:
    fields = {kind.field: await _load(connection, tenant, kind) for kind in KINDS}
    rows = await connection.execute(of(tenant, storages))
    storage = next((msgspec.convert(row.settings, Storage) for row in rows), Storage())
    rows = await connection.execute(of(tenant, recording_options))
    recording = next((msgspec.convert(row.options, RecordingOptions) for row in rows), RecordingOptions())
    return Directory(tenant, **fields, storage=storage, recording=recording)


async def store_directory(connection: AsyncConnection, directory: Directory, hashes: Mapping[str, str]) -> None:
    """Inserts or replaces every resource by its id; `hashes` by username. What is not named stays as it is."""
    tenant = msgspec.to_builtins(directory.tenant)
    await upsert(connection, instances, tenant)
    where = {"account": tenant["account"], "instance": tenant["instance"]}
    await upsert(connection, storages, {**where, "settings": msgspec.to_builtins(directory.storage)})
    await upsert(connection, recording_options, {**where, "options": msgspec.to_builtins(directory.recording)})
    for kind in KINDS:
        for resource in getattr(directory, kind.field):
            row = {**where, **msgspec.to_builtins(resource)}
            if isinstance(resource, User) and resource.username in hashes:
                row["password"] = hashes[resource.username]
            await upsert(connection, kind.table, row)


async def _load(connection: AsyncConnection, tenant: Tenant, kind: _Kind) -> tuple[Any, ...]:
    columns = [kind.table.c[name] for name in kind.struct.__struct_fields__]
    query = select(*columns).where(kind.table.c.account == tenant.account, kind.table.c.instance == tenant.instance)
    rows = await connection.execute(query.order_by(*kind.table.primary_key.columns))
    return tuple(as_struct(row, kind.struct) for row in rows.mappings())
