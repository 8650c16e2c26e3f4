"""Audit events as rows and back. What was tampered with may hold anything, and must not stop who reads the trail."""

from typing import Any

import msgspec
from sqlalchemy import Row

from signaling.center.audit import AuditEvent, AuditRow, Outcome
from signaling.center.resources import Tenant

UNREADABLE = AuditEvent(at=0.0, actor="", source="", action="", resource="", outcome="refused")
"""What stands for a row that is no event of ours any more; it never verifies."""


class _Stored(msgspec.Struct, frozen=True):
    """The columns, strictly typed: SQLite keeps whatever it is given."""

    sequence: int
    at: float
    actor: str
    source: str
    action: str
    resource: str
    outcome: Outcome
    detail: str
    previous: bytes
    hash: bytes


_COMMON = [name for name in AuditEvent.__struct_fields__ if name != "detail"]


def to_row(tenant: Tenant, row: AuditRow) -> dict[str, Any]:
    """All columns of the table `audit_events`."""
    return {
        "account": tenant.account,
        "instance": tenant.instance,
        "sequence": row.sequence,
        **{name: getattr(row.event, name) for name in _COMMON},
        "detail": msgspec.json.encode(row.event.detail).decode(),
        "previous": row.previous,
        "hash": row.hash,
    }


def from_row(row: Row[Any]) -> AuditRow:
    """The row as it was appended, or one with the event UNREADABLE."""
    columns = {name: row._mapping[name] for name in _Stored.__struct_fields__}
    try:
        stored = msgspec.convert(columns, _Stored)
        detail: dict[str, Any] = msgspec.json.decode(stored.detail, type=dict[str, str])
    except msgspec.MsgspecError:
        return AuditRow(row.sequence, UNREADABLE, previous=b"", hash=b"")
    event = AuditEvent(**{name: getattr(stored, name) for name in _COMMON}, detail=detail)
    return AuditRow(stored.sequence, event, stored.previous, stored.hash)
