"""Tickets for sound: each is one user's, for one thing, for a short time. Known by its hash; only the client has the
value. Pure.

A ticket to listen must be used within FRESH seconds, and is good as long as the player goes on asking; one to download
is good for one answer.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal

import msgspec

from signaling.center.segments import RecordingType
from vault.pii import Pii

FRESH = 60.0
IDLE = 300.0
LONGEST = 12 * 3600.0
PER_USER = 64
"""One more ends the oldest."""
RANDOM = 32
Purpose = Literal["LISTEN", "DOWNLOAD", "EXPORT"]
Why = Literal["unknown", "foreign", "expired", "used", "for something else"]


class BadTicket(Exception):
    """The ticket opens nothing. `why` is for the audit trail; the client is told the same whatever it is."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Grant(msgspec.Struct, frozen=True):
    """What a ticket is good for."""

    owner: str
    """The user's name among all instances (Principal.name)."""
    purpose: Purpose
    contacts: tuple[str, ...]
    type: RecordingType = "AGENT"
    track: int | None = None
    """The party whose own sound it is; None: the stereo one."""


@dataclass(slots=True)
class _Ticket:
    grant: Grant
    issued: float
    seen: float | None = None
    """When it was last used."""


class Tickets:
    """All tickets of this process."""

    def __init__(self) -> None:
        self._tickets: dict[bytes, _Ticket] = {}

    def issue(self, grant: Grant, now: float) -> Pii[str]:
        self._tickets = {digest: one for digest, one in self._tickets.items() if _is_good(one, now)}
        own = [digest for digest, one in self._tickets.items() if one.grant.owner == grant.owner]
        if len(own) >= PER_USER:
            del self._tickets[own[0]]
        token = secrets.token_urlsafe(RANDOM)
        self._tickets[_digest(token)] = _Ticket(grant, now)
        return Pii(token)

    def look(self, token: str, owner: str, now: float) -> Grant:
        """What the ticket is good for. Uses nothing up. Raises BadTicket."""
        ticket = self._tickets.get(_digest(token))
        if ticket is None:
            raise BadTicket("unknown")
        if ticket.grant.owner != owner:
            raise BadTicket("foreign")
        if ticket.seen is not None and ticket.grant.purpose != "LISTEN":
            raise BadTicket("used")
        if not _is_good(ticket, now):
            raise BadTicket("expired")
        return ticket.grant

    def use(self, token: str, owner: str, now: float) -> bool:
        """Sound is given for it from now on; whether this is its first use. Raises BadTicket."""
        self.look(token, owner, now)
        ticket = self._tickets[_digest(token)]
        first = ticket.seen is None
        ticket.seen = now
        return first

    def goes_on(self, token: str, now: float) -> None:
        """The sound that is given for it is still being taken."""
        if ticket := self._tickets.get(_digest(token)):
            ticket.seen = now

    def give_back(self, token: str) -> None:
        """Its first use came to nothing."""
        if ticket := self._tickets.get(_digest(token)):
            ticket.seen = None


def _is_good(ticket: _Ticket, now: float) -> bool:
    if ticket.seen is None:
        return now - ticket.issued <= FRESH
    # A used ticket is kept for a while, so that another use of it is told from a guess.
    return now - ticket.seen <= IDLE and now - ticket.issued <= LONGEST


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
