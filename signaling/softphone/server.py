"""The WebSocket server of the softphones.

The port speaks `telephonist.v1`; `others` serves further subprotocols on it (SIP, RFC 7118). Order of the checks:
origin, first message within 10 s, its form, token or secret; only then is there a session.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from ssl import SSLContext

import structlog
from msgspec import UNSET
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.typing import Subprotocol

from ipc.faults import told
from signaling.softphone.errors import BadMessage, Code, RpcError
from signaling.softphone.line import Line
from signaling.softphone.pace import Pace
from signaling.softphone.protocol import (
    MAX_MESSAGE,
    SUBPROTOCOL,
    CloseReason,
    Notification,
    OpenSession,
    Result,
)
from signaling.softphone.rpc import Call, Id, failure, parse, result
from signaling.softphone.session import Limits, SavedSession, Session
from signaling.softphone.switchboard import Desk, Switchboard

FIRST_MESSAGE_TIMEOUT = 10.0
"""Seconds."""
KEEPALIVE = 20.0
"""Seconds between pings, and for the pong: a dead network is noticed after 40 s at most."""
MAX_STRANGERS = 256
"""Connections that have not opened a session yet."""

Handler = Callable[[ServerConnection], Awaitable[None]]
log = structlog.get_logger()


class SoftphoneServer:
    """`stats` counts by name what happened since the start."""

    def __init__(
        self,
        desk: Desk,
        allowed_origins: Collection[str],
        others: Mapping[str, Handler] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.stats: Counter[str] = Counter()
        self._desk = desk
        self._origins = frozenset(allowed_origins)
        self._others = dict(others or {})
        self._switchboard = Switchboard(desk, limits or Limits(), self.stats)
        self._lines: dict[Line, asyncio.Task[None]] = {}
        self._strangers = 0
        self._server: Server | None = None

    async def start(self, host: str, port: int, ssl_context: SSLContext | None) -> int:
        """Listens; returns the port. Raises OSError if it cannot. Without a context it speaks plain text to a proxy."""
        self._server = await serve(
            self._serve,
            host,
            port,
            ssl=ssl_context,
            subprotocols=[Subprotocol(name) for name in (SUBPROTOCOL, *self._others)],
            compression=None,
            server_header=None,
            ping_interval=KEEPALIVE,
            ping_timeout=KEEPALIVE,
            max_size=MAX_MESSAGE,
            # Its debug lines hold tokens and numbers, and its errors are what strangers send. We log what counts.
            logger=logging.Logger("websockets", logging.CRITICAL),
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self, reason: CloseReason = "draining") -> None:
        """Tells every client, lets it read that, and stops."""
        if self._server is None:
            return
        self._switchboard.close(reason)
        for line in self._lines:
            line.close(CloseCode.GOING_AWAY, reason)
        if self._lines:
            await asyncio.wait(self._lines.values())
        self._server.close()
        await self._server.wait_closed()

    def notify(self, user: str, notification: Notification) -> None:
        """Numbers the notification, keeps it for a resumption and sends it. Without a session nobody hears it."""
        self._switchboard.notify(user, notification)

    def restore(self, saved: SavedSession) -> None:
        """A session of an earlier process, to be resumed by its page. Raises ValueError."""
        self._switchboard.restore(saved)

    def save(self, user: str) -> SavedSession | None:
        """The user's session, for a process that comes after this one."""
        return self._switchboard.save(user)

    def sign_out(self, user: str) -> None:
        """Ends the user's session, if there is one. The desk hears `absent`."""
        self._switchboard.sign_out(user)

    async def _serve(self, socket: ServerConnection) -> None:
        origin = socket.request.headers.get("Origin") if socket.request else None
        if origin is not None and origin not in self._origins:
            # A client without an Origin is no browser: there is no foreign page that could misuse it.
            await self._refuse(socket, CloseCode.POLICY_VIOLATION, "origin")
        elif socket.subprotocol in self._others:
            await self._others[socket.subprotocol](socket)
        elif self._strangers >= MAX_STRANGERS:
            await self._refuse(socket, CloseCode.TRY_AGAIN_LATER, "busy")
        else:
            await self._serve_softphone(Line(socket))

    async def _refuse(self, socket: ServerConnection, code: CloseCode, reason: str) -> None:
        self._count_refusal(reason)
        await socket.close(code, reason)

    async def _serve_softphone(self, line: Line) -> None:
        self._lines[line] = asyncio.get_running_loop().create_task(line.run())
        try:
            session = await self._welcome(line)
            if session is not None:
                await self._converse(session, line)
        except ConnectionClosed:
            self.stats["lost"] += 1
        finally:
            line.close(CloseCode.NORMAL_CLOSURE, "")
            await self._lines.pop(line)

    async def _welcome(self, line: Line) -> Session | None:
        """The session of a client that began as it should; the others are turned away."""
        self._strangers += 1
        try:
            async with asyncio.timeout(FIRST_MESSAGE_TIMEOUT):
                message = await line.socket.recv()
        except TimeoutError:
            self._turn_away(line, "silence")
            return None
        finally:
            self._strangers -= 1
        return self._enter(line, message)

    def _enter(self, line: Line, message: str | bytes) -> Session | None:
        id: Id = None
        try:
            call = _parse(message)
            id = _answer_id(call)
            if not isinstance(call.request, OpenSession):
                raise RpcError(Code.INVALID_REQUEST, "The first message is session.open.")
            return self._switchboard.enter(id, call.request, line)
        except RpcError as error:
            line.send(failure(error.id if isinstance(error, BadMessage) else id, error))
            self._turn_away(line, "not signed in")
            return None

    def _turn_away(self, line: Line, reason: str) -> None:
        self._count_refusal(reason)
        line.close(CloseCode.POLICY_VIOLATION, reason)

    def _count_refusal(self, reason: str) -> None:
        self.stats["refused"] += 1
        log.warning("x softphone", reason=reason)

    async def _converse(self, session: Session, line: Line) -> None:
        pace = Pace()
        now = asyncio.get_running_loop().time
        try:
            async for message in line.socket:
                if line.closing:
                    continue  # read on, or its answer to our close is never reached
                if pace.take(now()):
                    await self._answer(session, line, message)
                else:
                    self._turn_away(line, "too many messages")
        finally:
            self._switchboard.cut(session, line)

    async def _answer(self, session: Session, line: Line, message: str | bytes) -> None:
        try:
            call = _parse(message)
        except BadMessage as error:
            self.stats["bad_messages"] += 1
            line.send(failure(error.id, error))
            return
        try:
            answer = result(_answer_id(call), await self._carry_out(session, call))
        except RpcError as error:
            answer = failure(_answer_id(call), error)
        if call.id is not UNSET:
            line.send(answer)

    async def _carry_out(self, session: Session, call: Call) -> Result:
        if isinstance(call.request, OpenSession):
            raise RpcError(Code.INVALID_REQUEST, "The session is open already.")
        try:
            return await self._desk.request(session.user, call.request)
        except RpcError:
            raise
        except Exception as fault:  # a fault in one request must not end the agent's call
            self.stats["faults"] += 1
            log.error("! softphone request failed", request=type(call.request).__name__, **told(fault))
            raise RpcError(Code.INTERNAL_ERROR, "The server failed. The fault was logged.") from fault


def _parse(message: str | bytes) -> Call:
    if isinstance(message, bytes):
        raise BadMessage(Code.PARSE_ERROR, "Messages are text.")
    return parse(message)


def _answer_id(call: Call) -> Id:
    return None if call.id is UNSET else call.id
