"""TCP and TLS connections of the SIP server: those that came, and those that we opened."""

import asyncio
import itertools
import socket
import ssl
from collections.abc import Coroutine, Iterable
from typing import Any

import structlog

from signaling.sip.flow import Address, Flow, Transport
from signaling.sip_server.sip_connection import Connection, Owner
from signaling.sip_server.sip_limits import Limits, Places, plain_address

log = structlog.get_logger()

BACKLOG = 256


class Streams:
    def __init__(self, owner: Owner, limits: Limits, client_context: ssl.SSLContext | None) -> None:
        self.owner = owner
        self.limits = limits
        self.places = Places(limits, owner.is_known, asyncio.get_running_loop().time)
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
                place = self.places.admit(kind, remote)
                if place is not None:
                    connection = Connection(self, kind, remote, place=place)
                    self.run(self._welcome(accepted, connection, context))
                else:
                    accepted.close()

    async def _welcome(self, accepted: socket.socket, connection: Connection, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        limit = self.limits.handshake if context is not None else None
        try:
            await loop.connect_accepted_socket(lambda: connection, accepted, ssl=context, ssl_handshake_timeout=limit)
        except OSError as error:
            self.places.complain("TLS handshake failed", error=type(error).__name__)
            connection.leave_place()

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
        except (OSError, ValueError) as error:  # ValueError: a name that no resolver or certificate can have
            log.warning("x cannot connect", transport=flow.transport, error=type(error).__name__)
            del self._waiting[flow]
            self.owner.flow_closed(flow)
            return
        self._ours[flow] = connection.flow.connection
        for data in self._waiting.pop(flow):
            connection.send(data)
