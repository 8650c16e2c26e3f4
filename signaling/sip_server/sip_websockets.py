"""SIP over secure WebSockets (RFC 7118): one message a frame, on connections that the softphones' port has taken."""

import asyncio
import itertools
from collections import Counter

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from signaling.sip.flow import Flow
from signaling.sip.strangers import source_of
from signaling.sip_server.sip_connection import Owner
from signaling.sip_server.sip_limits import Complaints, Limits, plain_address
from signaling.softphone.line import Line

log = structlog.get_logger()


class WebSockets:
    """Whoever serves the port has checked the Origin and the length of messages, and looks for dead connections."""

    def __init__(self, owner: Owner, limits: Limits) -> None:
        self._owner = owner
        self._limits = limits
        self._numbers = itertools.count(1)
        self._lines: dict[int, Line] = {}
        self._writers: set[asyncio.Task[None]] = set()
        self._strangers: Counter[str] = Counter()
        self._complaints = Complaints(asyncio.get_running_loop().time)

    def __len__(self) -> int:
        return len(self._lines)

    async def serve(self, socket: ServerConnection) -> None:
        """Until the connection is closed by either side."""
        remote = plain_address(socket.remote_address)
        source = source_of(remote[0])
        if self._strangers[source] >= self._limits.per_source or self._strangers.total() >= self._limits.strangers:
            self._complaints.tell("too many connections", transport="wss", strangers=self._strangers.total())
            await socket.close(CloseCode.TRY_AGAIN_LATER, "busy")
            return
        name = plain_address(socket.local_address)
        number = next(self._numbers)
        flow = Flow("wss", (self._owner.get_host() or name[0], name[1]), remote, number)
        line = self._lines[number] = Line(socket, _is_text)
        writer = asyncio.get_running_loop().create_task(line.run())
        self._writers.add(writer)
        try:
            if await self._get_to_know(line, flow, source):
                await self._converse(line, flow)
        except ConnectionClosed:
            log.debug("x SIP over WebSocket lost")
        finally:
            del self._lines[number]
            line.close(CloseCode.NORMAL_CLOSURE, "")
            self._owner.flow_closed(flow)
            await writer
            self._writers.discard(writer)

    def send(self, flow: Flow, data: bytes) -> None:
        """For a connection that is gone it is dropped."""
        if line := self._lines.get(flow.connection):
            line.send(data)

    async def close(self) -> None:
        """After what is still to be sent."""
        for line in self._lines.values():
            line.close(CloseCode.GOING_AWAY, "")
        if self._writers:
            await asyncio.wait(self._writers)

    async def _get_to_know(self, line: Line, flow: Flow, source: str) -> bool:
        """Whether the other end has become somebody in time, by a registration or a call."""
        self._strangers[source] += 1
        try:
            async with asyncio.timeout(self._limits.stranger_idle):
                while not self._owner.is_used(flow):
                    self._take(await line.socket.recv(), flow)
                return True
        except TimeoutError:
            line.close(CloseCode.POLICY_VIOLATION, "silence")
            return False
        finally:
            self._strangers -= Counter([source])

    async def _converse(self, line: Line, flow: Flow) -> None:
        """A connection that nothing depends on any more is closed after a while."""
        while not line.closing:
            try:
                async with asyncio.timeout(self._limits.idle):
                    self._take(await line.socket.recv(), flow)
            except TimeoutError:
                if not self._owner.is_used(flow):
                    line.close(CloseCode.POLICY_VIOLATION, "silence")

    def _take(self, message: str | bytes, flow: Flow) -> None:
        self._owner.receive(message.encode() if isinstance(message, str) else message, flow)
        self._owner.flush()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
