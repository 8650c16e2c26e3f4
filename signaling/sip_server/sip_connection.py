"""One TCP or TLS connection of the SIP server: octets to messages, in their time."""

import asyncio
import re
import time
from collections.abc import Iterable
from typing import Protocol, cast

import structlog

from signaling.sip.errors import FramingError
from signaling.sip.flow import Address, Flow, Transport
from signaling.sip.messages.framing import StreamFramer
from signaling.sip_server.sip_keepalive import KeepAlive
from signaling.sip_server.sip_limits import Limits, Place, Places, plain_address

log = structlog.get_logger()

_ALIAS = re.compile(
    rb"\s*\S+ \S+ SIP/2\.0\r\n(?:(?!Via:|v:)[^\r\n]*\r\n)*"
    rb"(?:Via|v)[ \t]*:[ \t]*SIP/2\.0/TLS[ \t]+[^\s;:,]+(?::(\d{1,5}))?[ \t]*;[^\r\n,]*\balias\b",
    re.I,
)
"""A request whose topmost Via has the parameter `alias`, and the port that it names."""


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


class Registry(Protocol):
    """Who has the connections: `signaling.sip_server.sip_streams.Streams`."""

    owner: Owner
    limits: Limits
    places: Places

    def add(self, connection: "Connection") -> int:
        """The number of a new one."""

    def remove(self, flow: Flow) -> None: ...

    def alias(self, flow: Flow, port: int, names: Iterable[str]) -> None:
        """The peer of a connection wants ours to come by it, too, in place of one to that port of its host."""


class Connection(asyncio.Protocol):
    """One connection, ready for messages. Ours is opened for the flow `ours`; that of a peer has a place."""

    def __init__(
        self,
        streams: Registry,
        kind: Transport,
        remote: Address,
        ours: Flow | None = None,
        place: Place | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.closed = self._loop.create_future()
        self.flow = Flow(kind, ("", 0), ("", 0))
        self._streams = streams
        self._remote = remote
        self._ours = ours
        self._place = place
        self._is_stranger = False
        self._shows = False
        self._framer = StreamFramer()
        self._began = self._touched = self._loop.time()
        self._overdue: asyncio.TimerHandle | None = None
        self._alive: KeepAlive | None = None
        """Of a connection of ours."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        remote = plain_address(transport.get_extra_info("peername") or self._remote)
        name = plain_address(transport.get_extra_info("sockname"))
        local = self._ours.local if self._ours is not None else (self._streams.owner.get_host() or name[0], name[1])
        verified = self._ours.name if self._ours is not None else ""
        self.flow = Flow(self.flow.transport, local, remote, self._streams.add(self), verified)
        if certificate := _certificate(transport):
            self._shows = True
            self._streams.owner.certificate_shown(self.flow.connection, certificate)
        self._is_stranger = self._ours is None and not self._streams.owner.is_known(self.flow)
        self._patience = self._streams.limits.stranger_idle if self._is_stranger else self._streams.limits.idle
        self._patience = min(self._patience, self._streams.limits.idle)
        self._idle = self._loop.call_later(self._patience, self._check_idle)
        if self._ours is not None:
            limits = self._streams.limits
            self._alive = KeepAlive(self._transport, limits.keep_alive, limits.pong)
        if self._place is not None and self._place.of_stranger and not self._is_stranger:
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
            self._streams.places.complain("stream not SIP", transport=self.flow.transport, error=error.phrase)
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
        self.leave_place()
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
        self._is_stranger = False
        self.leave_place()
        self._patience = self._streams.limits.idle

    def leave_place(self) -> None:
        """It counts no more."""
        if self._place is not None:
            self._streams.places.release(self._place)
            self._place = None

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
        if self._is_stranger and self._streams.owner.is_known(self.flow):
            self._become_known()
        end = self._touched + self._patience
        if self._is_stranger:
            end = min(end, self._began + self._streams.limits.stranger)
        left = end - self._loop.time()
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
