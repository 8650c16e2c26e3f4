"""The SIP messages of contacts whose calls are over: redacted, and sealed all the same."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from signaling.center.resources import Tenant
from signaling.sip.redaction import ShownMessage
from signaling.store.tables import of, sip_traces
from signaling.store.upsert import upsert
from vault.fields import FieldDamaged, FieldKey, Place, key_of, seal, unseal
from vault.pii import Pii

MOST = 512
"""Messages of one contact; the first ones tell more than the last."""
log = structlog.get_logger(__name__)


async def save(
    connection: AsyncConnection, tenant: Tenant, contact: str, content: tuple[Sequence[ShownMessage], FieldKey]
) -> None:
    messages, key = content
    text = Pii(msgspec.json.encode(messages[:MOST]).decode())
    names = {"account": tenant.account, "instance": tenant.instance, "contact": contact}
    row = {**names, "at": messages[0].at, "trace": seal(key, _place(tenant, contact), text)}
    await upsert(connection, sip_traces, row)


async def load(connection: AsyncConnection, tenant: Tenant, contact: str) -> Any:
    """The row, or None."""
    query = of(tenant, sip_traces).where(sip_traces.c.contact == contact)
    return (await connection.execute(query)).one_or_none()


def key_ids(row: Any) -> set[bytes]:
    """The data key that it needs to be opened."""
    try:
        return {key_of(row.trace)}
    except FieldDamaged:
        return set()


def from_row(tenant: Tenant, row: Any, keys: Mapping[bytes, FieldKey]) -> list[ShownMessage]:
    """Nothing, if its key has been destroyed."""
    for key in keys.values():
        try:
            text = unseal(key, _place(tenant, row.contact), row.trace).reveal()
            return msgspec.json.decode(text, type=list[ShownMessage])
        except (FieldDamaged, msgspec.MsgspecError):
            log.error("! sealed field damaged", table=sip_traces.name, row=row.contact, column="trace")
    return []


def _place(tenant: Tenant, contact: str) -> Place:
    return Place(tenant.account, tenant.instance, sip_traces.name, contact, "trace")
