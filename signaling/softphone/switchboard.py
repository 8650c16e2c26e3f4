"""Who is connected: opens, resumes and ends sessions, and brings notifications to the lines of those who have one."""

import asyncio
from collections import Counter
from time import time
from typing import Protocol

import structlog
from websockets.frames import CloseCode

from signaling.softphone.errors import Code, RpcError
from signaling.softphone.line import Line
from signaling.softphone.protocol import (
    CloseReason,
    Notification,
    OpenSession,
    Request,
    Result,
    Resume,
    SessionClosed,
    SessionOpened,
    Snapshot,
)
from signaling.softphone.rpc import Id, notification, result
from signaling.softphone.session import Limits, SavedSession, Session, Sessions

log = structlog.get_logger()


class Desk(Protocol):
    """What the server asks of the contact centre."""

    def redeem(self, token: str) -> str | None:
        """The user whose token this is; None if it is not good, or not any more."""

    def snapshot(self, user: str) -> Snapshot: ...

    async def request(self, user: str, request: Request) -> Result:
        """Carries the request out. Raises RpcError to refuse it. One connection's requests come one after another."""

    def present(self, user: str) -> None:
        """The user has a line and had none."""

    def cut(self, user: str) -> None:
        """The user's line is gone; his session may still be resumed, and then he is `present` again."""

    def absent(self, user: str) -> None:
        """The user has no session any more, not even one that could be resumed."""


class Switchboard:
    """One user has one session, one session has one line at most."""

    def __init__(self, desk: Desk, limits: Limits, stats: Counter[str]) -> None:
        self._desk = desk
        self._stats = stats
        self._sessions = Sessions(limits)
        self._lines: dict[Session, Line] = {}
        self._expiry: asyncio.TimerHandle | None = None

    def enter(self, id: Id, request: OpenSession, line: Line) -> Session:
        """Answers `session.open`. Raises RpcError if the token or the secret is not good."""
        if request.token is not None and request.resume is None:
            return self._open(id, request.token.reveal(), line)
        if request.resume is not None and request.token is None:
            return self._resume(id, request.resume, line)
        raise RpcError(Code.INVALID_PARAMS, "Either token or resume.")

    def notify(self, user: str, value: Notification) -> None:
        """Numbers the notification, keeps it for a resumption and sends it, if the user has a session."""
        session = self._sessions.of(user)
        if session is None:
            return
        data = session.log.append(value)
        if session in self._lines:
            self._lines[session].send(data)

    def restore(self, saved: SavedSession) -> None:
        """A session of an earlier process, to be resumed. Raises ValueError."""
        self._sessions.restore(saved, _now())
        self._expire()

    def save(self, user: str) -> SavedSession | None:
        """The user's session; None if he has none."""
        session = self._sessions.of(user)
        return session.save() if session is not None else None

    def sign_out(self, user: str) -> None:
        session = self._sessions.of(user)
        if session is None:
            return
        self._sessions.end(session)
        self._dismiss(session, "signedOut")
        self._desk.absent(user)

    def cut(self, session: Session, line: Line) -> None:
        """The line is gone. The session waits to be resumed, unless another line has it already."""
        if self._lines.get(session) is not line:
            return
        del self._lines[session]
        self._sessions.cut(session, _now())
        log.info("x session cut", user=session.user)
        self._desk.cut(session.user)
        self._expire()

    def close(self, reason: CloseReason) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        for session in list(self._lines):
            self._dismiss(session, reason)

    def _open(self, id: Id, token: str, line: Line) -> Session:
        user = self._desk.redeem(token)
        if user is None:
            raise RpcError(Code.NOT_SIGNED_IN, "The token is wrong, used or too old: sign in again.")
        opened = self._sessions.open(user)
        if opened.replaced is not None:
            self._dismiss(opened.replaced, "replaced")
        session = opened.session
        self._desk.present(user)  # before there is a line: what follows from it is in the snapshot
        self._lines[session] = line
        snapshot = self._desk.snapshot(user)
        line.send(result(id, SessionOpened(session.id, opened.secret, session.log.seq, False, time(), snapshot)))
        self._stats["opened"] += 1
        log.info("= session open", user=user)
        return session

    def _resume(self, id: Id, resume: Resume, line: Line) -> Session:
        session = self._sessions.resume(resume.session, resume.secret, _now())
        if session is None:
            raise RpcError(Code.NOT_SIGNED_IN, "The session is over: sign in again.")
        # An older line is half dead, or it is another tab with a copy of the secret, which must not take it back.
        self._dismiss(session, "replaced")
        self._desk.present(session.user)  # before there is a line: what follows from it is in the log
        self._lines[session] = line
        missed = None if resume.seq is None else session.log.after(resume.seq)
        snapshot = self._desk.snapshot(session.user) if missed is None else None
        seq = session.log.seq - len(missed or ())
        line.send(result(id, SessionOpened(session.id, resume.secret, seq, snapshot is None, time(), snapshot)))
        for data in missed or ():
            line.send(data)
        self._stats["resumed"] += 1
        log.info("= session resumed", user=session.user, missed=len(missed or ()))
        return session

    def _dismiss(self, session: Session, reason: CloseReason) -> None:
        """Says goodbye on the session's line. That notification is not logged: nobody resumes to hear it."""
        line = self._lines.pop(session, None)
        if line is not None:
            line.send(notification(SessionClosed(reason), session.log.seq + 1))
            line.close(CloseCode.NORMAL_CLOSURE, reason)

    def _expire(self) -> None:
        for session in self._sessions.expire(_now()):
            log.info("x session over", user=session.user)
            self._desk.absent(session.user)
        if self._expiry is not None:
            self._expiry.cancel()
        due = self._sessions.next_expiry()
        self._expiry = None if due is None else asyncio.get_running_loop().call_at(due, self._expire)


def _now() -> float:
    return asyncio.get_running_loop().time()
