"""TCP and TLS connections of the SIP server: those that came, and those that we opened."""

import asyncio
import itertools
import re
import socket
import ssl
import time
from collections import Counter
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import structlog

from signaling.sip.errors import FramingError
from signaling.sip.flow import Address, Flow, Transport
from signaling.sip.messages.framing import StreamFramer
from signaling.sip_server.sip_keepalive import KeepAlive

log = structlog.get_logger()

BACKLOG = 256
_ALIAS = re.compile(
    rb"\s*\S+ \S+ SIP/2\.0\r\n(?:(?!Via:|v:)[^\r\n]*\r\n)*"
    rb"(?:Via|v)[ \t]*:[ \t]*SIP/2\.0/TLS[ \t]+[^\s;:,]+(?::(\d{1,5}))?[ \t]*;[^\r\n,]*\balias\b",
    re.I,
)
"""A request whose topmost Via has the parameter `alias`, and the port that it names."""


@dataclass(frozen=True, slots=True)
class Limits:
    connections: int = 1024
    per_source: int = 64
    strangers: int = 128
    """Connections from where no trunk is, all together: strangers cannot take the trunks' places."""
    handshake: float = 10.0
    """Seconds for TCP and TLS to be set up."""
    message: float = 32.0
    """Seconds for a message to come, from its first octet on."""
    idle: float = 600.0
    """Seconds without a message after which a connection that no call uses is closed,"""
    stranger_idle: float = 10.0
    """or that of a stranger."""
    slice: float = 0.005
    """Seconds that the messages of one connection are worked on before others have their turn."""
    unsent: int = 1 << 20
    """Octets that a peer may leave unread."""
    keep_alive: float = 95.0
    """Seconds between pings on connections of ours, at most (RFC 5626 §4.4.1),"""
    pong: float = 10.0
    """and for the answer of a peer that has answered before."""
    linger: float = 2.0
    """Seconds to get rid of the last octets when we stop."""


DEFAULT_LIMITS = Limits()


class Owner(Protocol):
    """Who gets what the connections bring."""

    def receive(self, data: bytes, flow: Flow) -> None: ...

    def refuse_stream(self, error: FramingError, flow: Flow) -> None: ...

    def flush(self) -> None: ...

    def flow_closed(self, flow: Flow) -> None: ...

    def certificate_shown(self, connection: int, shown: bytes) -> None: ...

    def is_used(self, flow: Flow) -> bool: ...

    def is_known(self, flow: Flow) -> bool: ...

    def get_host(self) -> str: ...


class Streams:
    def __init__(self, owner: Owner, limits: Limits, client_context: ssl.SSLContext | None) -> None:
        self.owner = owner
        self.limits = limits
        self._client_context = client_context
        self._numbers = itertools.count(1)
        self._listeners: list[asyncio.Task[None]] = []
        self._connections: dict[int, Connection] = {}
        self._ours: dict[Flow, int] = {}
        """Which connection stands for a flow of connection 0."""
        self._waiting: dict[Flow, list[bytes]] = {}
        """What is to be sent once a connection is up."""
        self._aliases: dict[tuple[Address, str], int] = {}
        """Connections of peers that carry ours, too, by where we should connect to and whose certificate was shown."""
        self._sources: Counter[str] = Counter()
        self._strangers = self._refused = 0
        self._next_complaint = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, kind: Transport, host: str, port: int, context: ssl.SSLContext | None) -> int:
        """Returns the port. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        listener.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._accept(listener, kind, context))
        task.add_done_callback(lambda _: listener.close())  # also of one that is cancelled before it runs
        self._listeners.append(task)
        return int(listener.getsockname()[1])

    async def stop_listening(self) -> None:
        for listener in self._listeners:
            listener.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)
        self._listeners.clear()

    async def close(self) -> None:
        await self.stop_listening()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        connections = list(self._connections.values())
        for connection in connections:
            connection.close()
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=self.limits.linger)
        for connection in connections:
            if not connection.closed.done():
                connection.abort()
        await asyncio.gather(*(connection.closed for connection in connections))

    def send(self, flow: Flow, data: bytes) -> None:
        """On that connection, or for connection 0 on one of our own; for a connection that is gone it is dropped."""
        connection = self._connections.get(flow.connection or self._ours.get(flow, 0) or self._reuse(flow))
        if connection is not None:
            connection.send(data)
        elif flow in self._waiting:
            self._waiting[flow].append(data)
        elif flow.connection == 0:
            self._waiting[flow] = [data]
            self.run(self._connect(flow))

    def _reuse(self, flow: Flow) -> int:
        """The connection by which a peer wants to be reached (RFC 5923), if it has shown the name that we should ask
        for; else 0."""
        if flow.transport != "tls" or flow.connection or flow in self._waiting:
            return 0
        number = self._aliases.get((flow.remote, flow.name or flow.remote[0]), 0)
        if number:
            self._ours[flow] = number
        return number

    # For the connections.

    def alias(self, flow: Flow, port: int, names: Iterable[str]) -> None:
        """The peer of a connection wants ours to come by it, too, in place of one to that port of its host."""
        for name in names:
            self._aliases[(flow.remote[0], port), name] = flow.connection

    def release(self, kind: Transport, remote: Address) -> None:
        """A connection that was let in is gone, or its other end has become somebody, who takes nobody's place."""
        self._sources -= Counter([remote[0]])
        self._strangers -= self.is_stranger(kind, remote)

    def is_stranger(self, kind: Transport, remote: Address) -> bool:
        return not self.owner.is_known(Flow(kind, ("", 0), remote))

    def complain(self, reason: str, **more: str | int) -> None:
        """Of what anybody may do as often as he likes, once a second: nobody fills the disk with our log."""
        self._refused += 1
        now = asyncio.get_running_loop().time()
        if now >= self._next_complaint:
            self._next_complaint = now + 1.0
            log.warning("x connection refused", reason=reason, refused=self._refused, **more)

    def add(self, connection: "Connection") -> int:
        number = next(self._numbers)
        self._connections[number] = connection
        return number

    def remove(self, flow: Flow) -> None:
        del self._connections[flow.connection]
        for place in [place for place, number in self._aliases.items() if number == flow.connection]:
            del self._aliases[place]
        for ours in [ours for ours, number in self._ours.items() if number == flow.connection]:
            del self._ours[ours]
            self.owner.flow_closed(ours)
        self.owner.flow_closed(flow)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket, kind: Transport, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    accepted, name = await loop.sock_accept(listener)
                except OSError as error:
                    # Out of descriptors: nothing tells when there are some again.
                    log.error("! cannot accept a connection", error=type(error).__name__)
                    await asyncio.sleep(1.0)
                    continue
                remote = plain_address(name)
                if self._admit(kind, remote):
                    self.run(self._welcome(accepted, remote, kind, context))
                else:
                    accepted.close()

    def _admit(self, kind: Transport, remote: Address) -> bool:
        """Counts a connection in, unless there are too many: before its handshake, so that these are limited too."""
        total, of_source, stranger = self._sources.total(), self._sources[remote[0]], self.is_stranger(kind, remote)
        if (
            total >= self.limits.connections
            or of_source >= self.limits.per_source
            or (stranger and self._strangers >= self.limits.strangers)
        ):
            self.complain("too many connections", of_source=of_source, strangers=self._strangers, connections=total)
            return False
        self._sources[remote[0]] += 1
        self._strangers += stranger
        return True

    async def _welcome(
        self, accepted: socket.socket, remote: Address, kind: Transport, context: ssl.SSLContext | None
    ) -> None:
        loop = asyncio.get_running_loop()
        limit = self.limits.handshake if context is not None else None
        try:
            await loop.connect_accepted_socket(
                lambda: Connection(self, kind, remote), accepted, ssl=context, ssl_handshake_timeout=limit
            )
        except OSError as error:
            self.complain("TLS handshake failed", error=type(error).__name__)
            self.release(kind, remote)

    async def _connect(self, flow: Flow) -> None:
        loop = asyncio.get_running_loop()
        context = (self._client_context or ssl.create_default_context()) if flow.transport == "tls" else None
        try:
            async with asyncio.timeout(self.limits.handshake):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, flow.transport, flow.remote, flow),
                    *flow.remote,
                    ssl=context,
                    server_hostname=(flow.name or None) if context is not None else None,
                )
        except OSError as error:
            log.warning("x cannot connect", transport=flow.transport, error=type(error).__name__)
            del self._waiting[flow]
            self.owner.flow_closed(flow)
            return
        self._ours[flow] = connection.flow.connection
        for data in self._waiting.pop(flow):
            connection.send(data)


class Connection(asyncio.Protocol):
    """One connection, ready for messages. Ours is opened for the flow `ours`; that of a peer was counted in."""

    def __init__(self, streams: Streams, kind: Transport, remote: Address, ours: Flow | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self.closed = self._loop.create_future()
        self.flow = Flow(kind, ("", 0), ("", 0))
        self._streams = streams
        self._remote = remote
        self._ours = ours
        self._is_counted = ours is None
        self._is_stranger = False
        self._shows = False
        self._framer = StreamFramer()
        self._touched = self._loop.time()
        self._overdue: asyncio.TimerHandle | None = None
        self._alive: KeepAlive | None = None
        """Of a connection of ours."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        kind = self.flow.transport
        remote = plain_address(transport.get_extra_info("peername") or self._remote)
        name = plain_address(transport.get_extra_info("sockname"))
        local = self._ours.local if self._ours is not None else (self._streams.owner.get_host() or name[0], name[1])
        verified = self._ours.name if self._ours is not None else ""
        self.flow = Flow(self.flow.transport, local, remote, self._streams.add(self), verified)
        if shown := _certificate(transport):
            self._shows = True
            self._streams.owner.certificate_shown(self.flow.connection, shown)
        self._is_stranger = self._ours is None and not self._streams.owner.is_known(self.flow)
        self._patience = self._streams.limits.stranger_idle if self._is_stranger else self._streams.limits.idle
        self._patience = min(self._patience, self._streams.limits.idle)
        self._idle = self._loop.call_later(self._patience, self._check_idle)
        if self._ours is not None:
            limits = self._streams.limits
            self._alive = KeepAlive(self._transport, limits.keep_alive, limits.pong)
        if self._is_counted and self._shows and not self._is_stranger and self._streams.is_stranger(kind, remote):
            self._become_known()

    def data_received(self, data: bytes) -> None:
        if self._alive is not None:
            self._alive.heard(data)
        until = time.monotonic() + self._streams.limits.slice
        try:
            for message in self._framer.feed(data):
                self._touched = self._loop.time()
                self._stop_watch()
                self._take_alias(message)
                self._streams.owner.receive(message, self.flow)
                if time.monotonic() >= until:
                    self._pause()
                    break
        except FramingError as error:
            self._streams.complain("stream not SIP", transport=self.flow.transport, error=error.phrase)
            self._streams.owner.refuse_stream(error, self.flow)
            self._streams.owner.flush()
            self.close()
            return
        self._streams.owner.flush()
        if self._is_stranger and self._streams.owner.is_used(self.flow):
            self._become_known()
        self._watch_message()

    def connection_lost(self, error: Exception | None) -> None:
        self._idle.cancel()
        self._stop_watch()
        if self._alive is not None:
            self._alive.stop()
        if self._is_counted:
            self._streams.release(self.flow.transport, self._remote)
        self._streams.remove(self.flow)
        if self._shows:
            self._streams.owner.certificate_shown(self.flow.connection, b"")
        self.closed.set_result(None)

    def _take_alias(self, message: bytes) -> None:
        if not self._shows or self._ours is not None:
            return
        via = _ALIAS.match(message)
        if via is not None:
            self._streams.alias(self.flow, int(via.group(1) or 5061), _names(self._transport))

    def _become_known(self) -> None:
        """A phone has registered, or a trunk has shown its certificate: it may be as quiet as others, and its
        connection counts as no stranger's."""
        self._is_stranger = self._is_counted = False
        self._streams.release(self.flow.transport, self._remote)
        self._patience = self._streams.limits.idle

    # Ours

    def send(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > self._streams.limits.unsent:
            log.warning("x connection not read by its peer", transport=self.flow.transport)
            self.abort()

    def _pause(self) -> None:
        """The framer keeps what has not been worked on."""
        self._transport.pause_reading()
        self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self.data_received(b"")

    def close(self) -> None:
        """After what is still to be sent."""
        if not self._transport.is_closing():  # asyncio's TLS takes a second close for permission to forget itself
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def _watch_message(self) -> None:
        """Whoever begins a message ends it in time, however slowly the octets drip."""
        if self._overdue is None and self._framer.is_within and not self._transport.is_closing():
            self._overdue = self._loop.call_later(self._streams.limits.message, self.close)

    def _stop_watch(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _check_idle(self) -> None:
        left = self._touched + self._patience - self._loop.time()
        if left <= 0 and not self._streams.owner.is_used(self.flow):
            self.close()
            return
        self._idle = self._loop.call_later(left if left > 0 else self._patience, self._check_idle)


def _names(transport: asyncio.BaseTransport) -> list[str]:
    """What the certificate that a peer has shown names: hosts and addresses, and those of SIP URIs (RFC 5922)."""
    shown = transport.get_extra_info("ssl_object").getpeercert() or {}
    names = [str(value) for _, value in shown.get("subjectAltName", ())]
    return [name.removeprefix("sip:").lower() for name in names if "@" not in name]


def _certificate(transport: asyncio.BaseTransport) -> bytes:
    """What a peer has shown in the handshake, which has verified it, in DER; empty: nothing."""
    tls = transport.get_extra_info("ssl_object")
    return (tls.getpeercert(binary_form=True) or b"") if tls is not None else b""


def plain_address(name: Any) -> Address:
    """A socket's name as host and port: no scope, and IPv4 in its own form on an IPv6 socket, so that rules hold."""
    return (str(name[0]).partition("%")[0].removeprefix("::ffff:"), int(name[1]))
