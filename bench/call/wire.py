"""The caller's way to its server: one UDP socket, or one TCP or TLS connection, for one user agent."""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from typing import Protocol

from bench.call.errors import Unreachable
from signaling.sip.errors import FramingError
from signaling.sip.flow import Address, Flow, Transport
from signaling.sip.messages.framing import StreamFramer

CONNECT_SECONDS = 5.0
SHUTDOWN_SECONDS = 1.0
"""How long the server may take to say that it has seen the end of TLS."""


class WireUser(Protocol):
    def handle_message(self, data: bytes, flow: Flow) -> None:
        """One datagram, or one message of the stream."""

    def handle_loss(self, flow: Flow, reason: str) -> None:
        """Nothing can be sent or received any more."""


class Wire(Protocol):
    flow: Flow

    def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    async def wait_closed(self) -> None:
        """After `close`: until the socket is given back."""


@dataclass(frozen=True)
class Target:
    """Where the server listens."""

    host: str
    port: int
    transport: Transport
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port} ({self.transport.upper()})"


async def open_wire(target: Target, local_host: str | None, user: WireUser) -> Wire:
    """Raises Unreachable: nobody listens there, or TLS is refused."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            address = await _resolve(target)
            if target.transport == "udp":
                return await _open_datagrams(address, local_host, user)
            return await _open_stream(target, address, local_host, user)
    except TimeoutError:
        raise Unreachable(f"{target} does not answer: is the address right, is a firewall between?") from None
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(
            f"the certificate of {target} is not trusted ({error.verify_message}): give --ca FILE, or --insecure"
        ) from None
    except ssl.SSLError as error:
        raise Unreachable(f"{target} does not speak TLS with us: {error.reason or 'handshake failed'}") from None
    except OSError as error:
        raise Unreachable(
            f"cannot reach {target}: {error.strerror or error}; is the server running, is --server right?"
        ) from None


async def _resolve(target: Target) -> Address:
    kind = socket.SOCK_DGRAM if target.transport == "udp" else socket.SOCK_STREAM
    found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=kind)
    host, port = found[0][4][:2]
    return str(host), int(port)


async def _open_datagrams(remote: Address, local_host: str | None, user: WireUser) -> Wire:
    local = (local_host, 0) if local_host else None
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Datagrams(user), local_addr=local, remote_addr=remote
    )
    protocol.flow = Flow("udp", transport.get_extra_info("sockname")[:2], remote)
    protocol.transport = transport
    return protocol


async def _open_stream(target: Target, remote: Address, local_host: str | None, user: WireUser) -> Wire:
    transport, protocol = await asyncio.get_running_loop().create_connection(
        lambda: _Stream(user),
        *remote,
        ssl=target.tls,
        server_hostname=target.host if target.tls else None,
        ssl_shutdown_timeout=SHUTDOWN_SECONDS if target.tls else None,
        local_addr=(local_host, 0) if local_host else None,
    )
    protocol.flow = Flow(target.transport, transport.get_extra_info("sockname")[:2], remote, connection=1)
    protocol.transport = transport
    return protocol


class _Datagrams(asyncio.DatagramProtocol):
    flow: Flow
    transport: asyncio.DatagramTransport

    def __init__(self, user: WireUser) -> None:
        self._user = user
        self._lost = asyncio.Event()

    def send(self, data: bytes) -> None:
        self.transport.sendto(data)

    def close(self) -> None:
        self.transport.close()

    async def wait_closed(self) -> None:
        await self._lost.wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._user.handle_message(data, self.flow)

    def error_received(self, exc: Exception) -> None:
        """An ICMP answer: nobody has this port open."""
        self._user.handle_loss(self.flow, exc.strerror or str(exc) if isinstance(exc, OSError) else str(exc))


class _Stream(asyncio.Protocol):
    flow: Flow
    transport: asyncio.Transport

    def __init__(self, user: WireUser) -> None:
        self._user = user
        self._framer = StreamFramer()
        self._closing = False
        self._lost = asyncio.Event()

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def close(self) -> None:
        self._closing = True
        self.transport.close()

    async def wait_closed(self) -> None:
        await self._lost.wait()

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._framer.feed(data):
                self._user.handle_message(message, self.flow)
        except FramingError:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        if not self._closing:
            self._user.handle_loss(self.flow, "the server closed the connection")
