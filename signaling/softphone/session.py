"""Sessions of softphones: numbered notifications, a bounded log of the last ones, resumption after a cut.

One user has at most one session. It lives while its connection does and 120 s after a cut. `now` is in seconds of any
steady clock.
"""

import hmac
import secrets
from collections import deque
from collections.abc import Callable
from hashlib import sha256

import msgspec

from signaling.softphone.protocol import Notification
from signaling.softphone.rpc import notification
from vault.pii import Pii


class Limits(msgspec.Struct, frozen=True):
    lifetime: float = 120.0
    """Seconds that a session outlives its connection."""
    log_length: int = 512
    """Notifications kept for a resumption."""
    log_bytes: int = 1 << 20


SKIPPED = 10_000
"""Numbers that the log of a restored session leaves out: for notifications that were sent after it was saved. Whoever
comes back is told the whole state then."""


class SavedSession(msgspec.Struct, frozen=True):
    """A session as another process can let it be resumed."""

    id: str
    user: str
    digest: Pii[str]
    """Of its secret, in hexadecimal."""
    seq: int


class Log:
    """The last notifications as they were sent, without a hole. The oldest go first when a bound is reached."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sent: deque[bytes] = deque()
        self._bytes = 0
        self.seq = 0
        """Number of the last notification; 0 before the first."""

    def append(self, value: Notification) -> bytes:
        """Gives the notification the next number; returns it as text for the wire."""
        self.seq += 1
        data = notification(value, self.seq)
        self._sent.append(data)
        self._bytes += len(data)
        while len(self._sent) > self._limits.log_length or self._bytes > self._limits.log_bytes:
            self._bytes -= len(self._sent.popleft())
        return data

    def after(self, seq: int) -> list[bytes] | None:
        """Everything after number `seq`; None if part of it is gone, or if that number was never given."""
        missed = self.seq - seq
        if not 0 <= missed <= len(self._sent):
            return None
        return list(self._sent)[len(self._sent) - missed :]


class Session:
    """One user's session. Its secret is kept as a digest."""

    def __init__(self, id: str, user: str, secret: str, limits: Limits) -> None:
        self.id = id
        self.user = user
        self.log = Log(limits)
        self.expires: float | None = None
        """When it ends unless it is resumed; None while it is connected."""
        self._secret = _digest(secret)

    @classmethod
    def restored(cls, saved: SavedSession, limits: Limits) -> "Session":
        session = cls(saved.id, saved.user, "", limits)
        session._secret = bytes.fromhex(saved.digest.reveal())
        session.log.seq = saved.seq + SKIPPED
        return session

    def save(self) -> SavedSession:
        return SavedSession(self.id, self.user, Pii(self._secret.hex()), self.log.seq)

    def knows(self, secret: Pii[str]) -> bool:
        return hmac.compare_digest(self._secret, _digest(secret.reveal()))


class Opened(msgspec.Struct, frozen=True):
    """A new session. `replaced` is the user's older one, which is gone now."""

    session: Session
    secret: Pii[str]
    replaced: Session | None


class Sessions:
    """All sessions, by id and by user."""

    def __init__(self, limits: Limits | None = None, draw: Callable[[], str] | None = None) -> None:
        self._limits = limits or Limits()
        self._draw = draw or (lambda: secrets.token_urlsafe(24))
        self._by_id: dict[str, Session] = {}
        self._by_user: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def of(self, user: str) -> Session | None:
        return self._by_user.get(user)

    def open(self, user: str) -> Opened:
        replaced = self._by_user.get(user)
        if replaced is not None:
            self.end(replaced)
        secret = self._draw()
        session = Session(self._draw(), user, secret, self._limits)
        self._by_id[session.id] = self._by_user[user] = session
        return Opened(session, Pii(secret), replaced)

    def restore(self, saved: SavedSession, now: float) -> None:
        """One of an earlier process, whose connections are all cut. Raises ValueError."""
        session = Session.restored(saved, self._limits)
        self._by_id[session.id] = self._by_user[session.user] = session
        self.cut(session, now)

    def resume(self, id: str, secret: Pii[str], now: float) -> Session | None:
        """The session, connected again; None if there is none of this id and secret, or its time is over."""
        session = self._by_id.get(id)
        if session is None or not session.knows(secret):
            return None
        if session.expires is not None and session.expires <= now:
            return None
        session.expires = None
        return session

    def cut(self, session: Session, now: float) -> None:
        """The session's connection is gone. Nothing happens to a session that is over already."""
        if self._by_id.get(session.id) is session:
            session.expires = now + self._limits.lifetime

    def end(self, session: Session) -> None:
        del self._by_id[session.id]
        del self._by_user[session.user]

    def expire(self, now: float) -> list[Session]:
        """Ends those whose time is over and returns them."""
        over = [session for session in self._by_id.values() if session.expires is not None and session.expires <= now]
        for session in over:
            self.end(session)
        return over

    def next_expiry(self) -> float | None:
        """When `expire` has something to do, as things stand."""
        return min((session.expires for session in self._by_id.values() if session.expires is not None), default=None)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
