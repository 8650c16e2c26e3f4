"""The rows of recordings: what the recorder told, legal holds, tombstones, and which are kept for too long.

A tombstone is the decision to delete, kept before anything is deleted; from then on the recording is nobody's to play.
What it says stays for good.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, Select, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from signaling.center.record import LegalHold, RecordingInfo, Tombstone
from signaling.center.resources import RetentionRule, Tenant
from signaling.store.directory import as_struct
from signaling.store.tables import contacts, legal_holds, of, recordings, tombstones
from signaling.store.upsert import upsert

DAY = 86400.0
WHOLE_INSTANCE = ""
"""The queue of the rule for every queue that has none of its own, and for contacts without one."""
DELETABLE = ("verified", "released", "quarantined")
PIECE = 100
_NOT_TOLD = ("deleted",)
"""Of RecordingInfo: not the recorder's news."""


class Kept(NamedTuple):
    """One recording and where it belongs."""

    contact: str
    recording: RecordingInfo


async def save_recording(connection: AsyncConnection, tenant: Tenant, contact: str, recording: RecordingInfo) -> None:
    stored = {one.id: one for one in (await load_recordings(connection, tenant, [contact])).get(contact, ())}
    known = stored.get(recording.id)
    # States are only ever added to `times`. Who knows of fewer is older, whatever the clocks of the two processes say.
    if known and not known.times.keys() <= recording.times.keys():
        return
    told = {name: value for name, value in msgspec.to_builtins(recording).items() if name not in _NOT_TOLD}
    await upsert(connection, recordings, {**_owner(tenant), "contact": contact, **told})


async def load_recordings(
    connection: AsyncConnection, tenant: Tenant, ids: Iterable[str]
) -> dict[str, list[RecordingInfo]]:
    """By contact."""
    rows = await connection.execute(_with_tombstones(tenant).where(recordings.c.contact.in_(list(ids))))
    found: dict[str, list[RecordingInfo]] = {}
    for row in rows:
        found.setdefault(row.contact, []).append(_info(row))
    return found


async def find_recording(connection: AsyncConnection, tenant: Tenant, id: str) -> Kept | None:
    row = (await connection.execute(_with_tombstones(tenant).where(recordings.c.id == id))).one_or_none()
    return Kept(row.contact, _info(row)) if row else None


async def load_holds(connection: AsyncConnection, tenant: Tenant, ids: Iterable[str]) -> dict[str, LegalHold]:
    """By contact."""
    rows = await connection.execute(of(tenant, legal_holds).where(legal_holds.c.contact.in_(list(ids))))
    return {row["contact"]: as_struct(row, LegalHold) for row in rows.mappings()}


async def set_hold(connection: AsyncConnection, tenant: Tenant, contact: str, hold: LegalHold) -> bool:
    """Whether there was none before; an older one stays as it is."""
    if contact in await load_holds(connection, tenant, [contact]):
        return False
    await connection.execute(insert(legal_holds).values(**_owner(tenant), contact=contact, **msgspec.to_builtins(hold)))
    return True


async def clear_hold(connection: AsyncConnection, tenant: Tenant, contact: str) -> bool:
    """Whether there was one."""
    mine = _mine(tenant, legal_holds)
    gone = await connection.execute(legal_holds.delete().where(mine, legal_holds.c.contact == contact))
    return gone.rowcount > 0


async def bury(connection: AsyncConnection, tenant: Tenant, kept: Kept, stone: Tombstone) -> None:
    row = {**_owner(tenant), "id": kept.recording.id, "contact": kept.contact, "type": kept.recording.type}
    await connection.execute(insert(tombstones).values(**row, **msgspec.to_builtins(stone)))


async def note_erased(connection: AsyncConnection, tenant: Tenant, id: str, at: float) -> None:
    mine = _mine(tenant, tombstones)
    await connection.execute(update(tombstones).where(mine, tombstones.c.id == id).values(erased=at))


async def unerased(connection: AsyncConnection, tenant: Tenant) -> list[Kept]:
    """Those that are to be deleted and that may still be there."""
    query = _with_tombstones(tenant).where(tombstones.c.at.is_not(None), tombstones.c.erased.is_(None))
    return [Kept(row.contact, _info(row)) for row in await connection.execute(query.limit(PIECE))]


async def in_trouble(connection: AsyncConnection, tenant: Tenant, limit: int) -> list[Kept]:
    """Those that were set aside or do not get on, and that nobody has deleted, the newest first."""
    query = _with_tombstones(tenant).where(
        tombstones.c.at.is_(None), or_(recordings.c.state == "quarantined", recordings.c.reason != "")
    )
    rows = await connection.execute(query.order_by(recordings.c.key.desc()).limit(limit))
    return [Kept(row.contact, _info(row)) for row in rows]


async def expired(
    connection: AsyncConnection, tenant: Tenant, rules: Sequence[RetentionRule], now: float
) -> list[Kept]:
    """Some of those that are kept for longer than the rule of their contact's queue says, the oldest first; none
    under a legal hold, and none that is still on its way to the store."""
    own = [rule.queue for rule in rules]
    finite = [rule for rule in rules if rule.days > 0]
    due = [and_(contacts.c.disconnected < now - rule.days * DAY, _queue(rule.queue, own)) for rule in finite]
    if not due:
        return []
    same = and_(_joined(recordings, contacts), recordings.c.contact == contacts.c.contact)
    held = and_(_joined(recordings, legal_holds), recordings.c.contact == legal_holds.c.contact)
    query = _with_tombstones(tenant).join(contacts, same).outerjoin(legal_holds, held)
    query = query.where(
        tombstones.c.at.is_(None), legal_holds.c.at.is_(None), recordings.c.state.in_(DELETABLE), or_(*due)
    )
    rows = await connection.execute(query.order_by(contacts.c.disconnected).limit(PIECE))
    return [Kept(row.contact, _info(row)) for row in rows]


def _queue(queue: str, own: Sequence[str]) -> Any:
    if queue != WHOLE_INSTANCE:
        return contacts.c.queue_id == queue
    return or_(contacts.c.queue_id.is_(None), contacts.c.queue_id.not_in([other for other in own if other]))


def _with_tombstones(tenant: Tenant) -> Select[Any]:
    stone = [tombstones.c[name].label(f"stone_{name}") for name in Tombstone.__struct_fields__]
    same = and_(_joined(recordings, tombstones), recordings.c.id == tombstones.c.id)
    return select(recordings, *stone).outerjoin(tombstones, same).where(_mine(tenant, recordings))


def _info(row: Row[Any]) -> RecordingInfo:
    columns = dict(row._mapping)
    told = {name: columns[name] for name in RecordingInfo.__struct_fields__ if name not in _NOT_TOLD}
    stone = {name: columns[f"stone_{name}"] for name in Tombstone.__struct_fields__}
    deleted = stone if stone["at"] is not None else None
    return msgspec.convert({**told, "deleted": deleted}, RecordingInfo)


def _owner(tenant: Tenant) -> dict[str, str]:
    return {"account": tenant.account, "instance": tenant.instance}


def _mine(tenant: Tenant, table: Any) -> Any:
    return and_(table.c.account == tenant.account, table.c.instance == tenant.instance)


def _joined(one: Any, other: Any) -> Any:
    return and_(one.c.account == other.c.account, one.c.instance == other.c.instance)
