"""The audit trail: what is kept of an act, and the chain of hashes that shows whether a row was changed later. Pure."""

import hashlib
import json
from collections.abc import Iterable
from typing import Literal

import msgspec

from signaling.center.resources import Tenant
from vault.pii import Pii

Outcome = Literal["allowed", "refused"]
NOWHERE = Tenant(account="", instance="", alias="")
"""Whose trail keeps sign-ins to instances that do not exist."""
FIRST = b"\x00" * 32
"""What the first row of a chain has as its previous hash."""


class AuditEvent(msgspec.Struct, frozen=True):
    """One act: who, when, from where, what, on which resource, allowed or refused."""

    at: float
    """Unix seconds."""
    actor: str
    """The user's id; empty when nobody is signed in."""
    source: str
    """The address that the request came from."""
    action: str
    """An operation's name, e.g. "SignIn", "SearchContacts", "ListenCallRecording"."""
    resource: str
    """Kind and id, e.g. "contact/…"."""
    outcome: Outcome
    detail: dict[str, str | Pii[str]] = {}
    """What else is worth knowing. Personal values are handed in as Pii and kept as dots."""


class AuditRow(msgspec.Struct, frozen=True):
    """An event in its chain. There is one chain a tenant; the first row has sequence 1."""

    sequence: int
    event: AuditEvent
    previous: bytes
    hash: bytes


class AuditCheck(msgspec.Struct, frozen=True):
    """What the verification of a chain found."""

    rows: int
    """Rows that hold, from the beginning."""
    head: bytes
    """Hash of the last row that holds. Kept elsewhere, it shows later whether the tail was cut off."""
    broken: int | None = None
    """Sequence of the first row that is changed, missing or out of place."""


def veiled(event: AuditEvent) -> AuditEvent:
    """The event as it may be kept: with dots for every personal value."""
    return msgspec.structs.replace(event, detail={name: str(value) for name, value in event.detail.items()})


def canonical(account: str, instance: str, sequence: int, event: AuditEvent) -> bytes:
    """The one way in which a row is written for hashing; detail sorted by name."""
    detail = sorted((name, str(value)) for name, value in event.detail.items())
    who = [float(event.at), event.actor, event.source, event.action, event.resource, event.outcome, detail]
    return json.dumps([account, instance, sequence, *who], separators=(",", ":")).encode()


def link(account: str, instance: str, last: AuditRow | None, event: AuditEvent) -> AuditRow:
    """The row that follows `last` in the tenant's chain. Its hash covers the previous hash and its canonical bytes."""
    sequence = last.sequence + 1 if last else 1
    previous = last.hash if last else FIRST
    kept = veiled(event)
    return AuditRow(sequence, kept, previous, _hash(previous, canonical(account, instance, sequence, kept)))


def verify(account: str, instance: str, rows: Iterable[AuditRow], since: AuditCheck | None = None) -> AuditCheck:
    """Follows the chain up to its end or the first row that does not hold. `since`: where an earlier piece ended."""
    check = since or AuditCheck(rows=0, head=FIRST)
    for row in rows:
        expected = check.rows + 1
        body = canonical(account, instance, row.sequence, row.event)
        if row.sequence != expected or row.previous != check.head or row.hash != _hash(check.head, body):
            return msgspec.structs.replace(check, broken=expected)
        check = AuditCheck(rows=expected, head=row.hash)
    return check


def _hash(previous: bytes, body: bytes) -> bytes:
    return hashlib.sha256(previous + body).digest()
