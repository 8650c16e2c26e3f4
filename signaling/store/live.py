"""The rows of what goes on now. What they say is sealed; only its kind, its id and its time are not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from signaling.center.resources import Tenant
from signaling.store.tables import live_states, of
from vault.fields import FieldDamaged, FieldKey, Place, key_of, seal, unseal
from vault.pii import Pii

log = structlog.get_logger(__name__)


class LiveKey(msgspec.Struct, frozen=True):
    tenant: Tenant
    kind: str
    id: str


class LiveState(msgspec.Struct, frozen=True):
    """Something that goes on, as it was at a time."""

    key: LiveKey
    updated: float
    """Unix seconds."""
    state: Pii[str]


async def save_states(
    connection: AsyncConnection, states: Sequence[LiveState], keys: Mapping[Tenant, FieldKey]
) -> None:
    if not states:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(live_states)
    changed = {"updated": statement.excluded.updated, "state": statement.excluded.state}
    primary = [column.name for column in live_states.primary_key.columns]
    rows = [_to_row(state, keys[state.key.tenant]) for state in states]
    await connection.execute(statement.on_conflict_do_update(index_elements=primary, set_=changed), rows)


async def remove_states(connection: AsyncConnection, gone: Iterable[LiveKey]) -> None:
    rows = [{f"old_{name}": value for name, value in _columns(key).items()} for key in gone]
    if rows:
        wanted = [live_states.c[name] == bindparam(f"old_{name}") for name in ("account", "instance", "kind", "id")]
        await connection.execute(delete(live_states).where(*wanted), rows)


async def load_rows(connection: AsyncConnection, tenant: Tenant) -> list[Any]:
    return list((await connection.execute(of(tenant, live_states))).all())


def key_ids(rows: Iterable[Any]) -> set[bytes]:
    """The data keys that they need to be opened."""
    found = set()
    for row in rows:
        try:
            found.add(key_of(row.state))
        except FieldDamaged:
            continue
    return found


def from_row(tenant: Tenant, row: Any, keys: Mapping[bytes, FieldKey]) -> LiveState | None:
    """None: it cannot be opened any more, which is told."""
    key = LiveKey(tenant, row.kind, row.id)
    try:
        opener = keys.get(key_of(row.state))
        if opener is not None:
            return LiveState(key, row.updated, unseal(opener, _place(key), row.state))
    except FieldDamaged:
        pass
    log.error("! sealed field damaged", table=live_states.name, row=row.id, column="state")
    return None


def _to_row(state: LiveState, key: FieldKey) -> dict[str, Any]:
    return {**_columns(state.key), "updated": state.updated, "state": seal(key, _place(state.key), state.state)}


def _columns(key: LiveKey) -> dict[str, str]:
    return {"account": key.tenant.account, "instance": key.tenant.instance, "kind": key.kind, "id": key.id}


def _place(key: LiveKey) -> Place:
    return Place(key.tenant.account, key.tenant.instance, live_states.name, f"{key.kind}/{key.id}", "state")
