"""What can be asked of the contacts, and the token that leads from one page to the next. Pure."""

import base64
import binascii
from typing import Any

import msgspec
from sqlalchemy import Select, func, select, tuple_

from signaling.center.record import ContactRecord, InitiationMethod
from signaling.center.resources import Tenant
from signaling.store.errors import InvalidQuery
from signaling.store.tables import contacts, of
from vault.pii import Pii

WINDOW = 8 * 7 * 86400
"""Seconds between the ends of a time range."""
RESULTS = 10_000
"""Nobody sees more of one search."""
PAGE = 100


class ContactQuery(msgspec.Struct, frozen=True):
    """Contacts initiated in [start, end), newest first; each further condition narrows. Times in Unix seconds."""

    start: float
    end: float
    queues: tuple[str, ...] = ()
    """Ids."""
    agents: tuple[str, ...] = ()
    """Ids."""
    methods: tuple[InitiationMethod, ...] = ()
    number: Pii[str] | None = None
    """The customer endpoint, whole."""
    limit: int = PAGE
    token: str | None = None


class Page(msgspec.Struct, frozen=True):
    contacts: tuple[ContactRecord, ...]
    token: str | None
    """For the next page; None after the last."""
    total: int
    """Matches altogether, counted up to RESULTS."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: the last contact's place in the order, and how many came before the next."""

    initiated: float
    contact: str
    seen: int


START = Position(initiated=0.0, contact="", seen=0)


def check(query: ContactQuery) -> None:
    """Raises InvalidQuery."""
    if not 0 <= query.end - query.start <= WINDOW:
        raise InvalidQuery("a time range begins before it ends and spans at most eight weeks")
    if not 1 <= query.limit <= PAGE:
        raise InvalidQuery(f"a page has 1 to {PAGE} contacts")


def matching(tenant: Tenant, query: ContactQuery, index: bytes | None) -> Select[Any]:
    """All matches. `index` is the blind index of the query's number."""
    found = of(tenant, contacts).where(contacts.c.initiated >= query.start, contacts.c.initiated < query.end)
    if query.queues:
        found = found.where(contacts.c.queue_id.in_(query.queues))
    if query.agents:
        found = found.where(contacts.c.agent_id.in_(query.agents))
    if query.methods:
        found = found.where(contacts.c.initiation_method.in_(query.methods))
    if index is not None:
        found = found.where(contacts.c.customer_index == index)
    return found


def page_of(matches: Select[Any], position: Position, limit: int) -> Select[Any]:
    """Those that follow the position, newest first."""
    if position.seen:
        before = tuple_(position.initiated, position.contact)
        matches = matches.where(tuple_(contacts.c.initiated, contacts.c.contact) < before)
    return matches.order_by(contacts.c.initiated.desc(), contacts.c.contact.desc()).limit(limit)


def count_of(matches: Select[Any]) -> Select[Any]:
    """How many there are, counted up to RESULTS."""
    return select(func.count()).select_from(matches.with_only_columns(contacts.c.contact).limit(RESULTS).subquery())


def write_token(position: Position) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode()


def read_token(token: str | None) -> Position:
    """Where the next page begins; without a token, at the newest. Raises InvalidQuery."""
    if token is None:
        return START
    try:
        position = msgspec.json.decode(base64.b64decode(token, altchars=b"-_", validate=True), type=Position)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise InvalidQuery("not a page token of ours") from None
    if not 0 < position.seen <= RESULTS:
        raise InvalidQuery("not a page token of ours")
    return position
