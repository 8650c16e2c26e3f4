"""Who is signed in. A session is known by the hash of its cookie's value; only the browser has the value. Pure."""

import hashlib
import secrets
from dataclasses import dataclass

from signaling.center.resources import User
from signaling.center.security import Principal
from vault.pii import Pii

COOKIE = "__Host-telephonist"
IDLE = 12 * 3600.0
"""Seconds without a request after which a session is over."""
PER_USER = 16
RANDOM = 32


@dataclass(slots=True)
class Session:
    user: User
    principal: Principal
    seen: float
    """When the last request came, in Unix seconds."""


class Sessions:
    """All sessions of this process. A user has PER_USER at most; one more ends the one that was idle longest."""

    def __init__(self) -> None:
        self._sessions: dict[bytes, Session] = {}

    def open(self, user: User, principal: Principal, now: float) -> Pii[str]:
        """Makes a session; returns the cookie's value."""
        self._expire(now)
        own = [digest for digest, session in self._sessions.items() if session.principal.name == principal.name]
        if len(own) >= PER_USER:
            del self._sessions[min(own, key=lambda digest: self._sessions[digest].seen)]
        token = secrets.token_urlsafe(RANDOM)
        self._sessions[_digest(token)] = Session(user, principal, now)
        return Pii(token)

    def find(self, token: str, now: float) -> Session | None:
        """The session of a cookie, unless it has been idle too long. It counts as used now."""
        session = self._sessions.get(_digest(token))
        if session is None or now - session.seen > IDLE:
            return None
        session.seen = max(now, session.seen)
        return session

    def close(self, token: str) -> None:
        self._sessions.pop(_digest(token), None)

    def _expire(self, now: float) -> None:
        for digest in [digest for digest, session in self._sessions.items() if now - session.seen > IDLE]:
            del self._sessions[digest]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
