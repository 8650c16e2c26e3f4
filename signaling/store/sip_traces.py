"""The SIP messages of contacts whose calls are over: redacted, and sealed all the same."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from signaling.center.resources import Tenant
from signaling.sip.tracing.redaction import ShownMessage
from signaling.store.tables import of, sip_traces
from vault.fields import FieldDamaged, FieldKey, Place, key_of, seal, unseal
from vault.pii import Pii

log = structlog.get_logger(__name__)


def to_row(tenant: Tenant, contact: str, messages: Sequence[ShownMessage], key: FieldKey) -> dict[str, Any]:
    text = Pii(msgspec.json.encode(messages).decode())
    names = {"account": tenant.account, "instance": tenant.instance, "contact": contact}
    return {**names, "at": messages[0].at, "trace": seal(key, _place(tenant, contact), text)}


async def load(connection: AsyncConnection, tenant: Tenant, contact: str) -> list[Any]:
    """The rows, in the order of time."""
    query = of(tenant, sip_traces).where(sip_traces.c.contact == contact).order_by(sip_traces.c.at)
    return list((await connection.execute(query)).all())


def key_ids(rows: Iterable[Any]) -> set[bytes]:
    """The data keys that they need to be opened."""
    found = set()
    for row in rows:
        try:
            found.add(key_of(row.trace))
        except FieldDamaged:
            continue
    return found


def from_row(tenant: Tenant, row: Any, keys: Mapping[bytes, FieldKey]) -> list[ShownMessage]:
    """Nothing, if its key has been destroyed."""
    try:
        key = keys.get(key_of(row.trace))
        text = unseal(key, _place(tenant, row.contact), row.trace).reveal() if key is not None else "[]"
        return msgspec.json.decode(text, type=list[ShownMessage])
    except (FieldDamaged, msgspec.MsgspecError):
        log.error("! sealed field damaged", table=sip_traces.name, row=row.contact, column="trace")
        return []


def _place(tenant: Tenant, contact: str) -> Place:
    return Place(tenant.account, tenant.instance, sip_traces.name, contact, "trace")
