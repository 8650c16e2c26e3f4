"""The shell of `signaling.sip`: UDP, TCP, TLS and WebSockets on one asyncio loop, around one UserAgent."""

import asyncio
import contextlib
import itertools
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from websockets.asyncio.server import ServerConnection

from signaling.sip.agent import UserAgent
from signaling.sip.calls.invitation import Invitation
from signaling.sip.calls.saved import SavedCall
from signaling.sip.config import SipConfig
from signaling.sip.errors import FramingError
from signaling.sip.events import SipEvent
from signaling.sip.flow import Address, Flow, Outgoing, Transport
from signaling.sip.messages.message import MAX_MESSAGE
from signaling.sip.messages.uri import Uri, parse_address
from signaling.sip.reaching.upstream import Upstream, UpstreamNews
from signaling.sip.registering.credentials import AccountFor, no_account
from signaling.sip.registering.gatekeeper import NO_ACCOUNTS, Accounts
from signaling.sip.registering.registrar import News
from signaling.sip_server.datagrams import bind_datagrams
from signaling.sip_server.sip_limits import DEFAULT_LIMITS, Limits, plain_address
from signaling.sip_server.sip_streams import Streams
from signaling.sip_server.sip_websockets import WebSockets

log = structlog.get_logger()

BATCH = 64
"""Datagrams read before others have their turn,"""
SLICE = 0.005
"""and seconds: hostile ones may cost a hundred times as much as others."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The ports listened on; 0 for TLS if there is none."""

    udp: int
    tcp: int
    tls: int


class SipServer:
    """Feeds the agent with what comes, sends what it gives, keeps its timer, tells its events.

    `on_event` is called on the loop, in order, and may give commands at once. `advertised` is the host that peers reach
    us at, where that is not the one we listen on; `accounts` are of phones that may register, and `on_phone` is told of
    them; `account_for` answers challenges, and `on_upstream` is told of what `upstream` does; `client_context` verifies
    those to whom we connect by TLS; `on_certificate` is told of the verified one that a TLS connection has shown, in
    DER, by the connection's number in its Flow, and of an empty one when the connection is closed; `on_changed` is told
    the calls of which `save` may say something new; `datagrams`: the socket for UDP, where there is one already, whose
    port is taken for TCP too; `on_message(data, flow, sent)` is told each message but those by which strangers would
    begin a call."""

    def __init__(
        self,
        config: SipConfig,
        trunk_for: Callable[[Flow], str | None],
        on_event: Callable[[SipEvent], None],
        *,
        limits: Limits = DEFAULT_LIMITS,
        advertised: str = "",
        accounts: Accounts = NO_ACCOUNTS,
        on_phone: Callable[[News], None] = lambda news: None,
        account_for: AccountFor = no_account,
        on_upstream: Callable[[UpstreamNews], None] = lambda news: None,
        client_context: ssl.SSLContext | None = None,
        on_changed: Callable[[set[str]], None] = lambda _: None,
        datagrams: socket.socket | None = None,
        on_message: Callable[[bytes, Flow, bool], None] = lambda data, flow, sent: None,
        on_certificate: Callable[[int, bytes], None] = lambda connection, shown: None,
    ) -> None:
        self.agent = UserAgent(config, trunk_for, accounts, account_for)
        self._on_changed = on_changed
        self._given = datagrams
        self._on_message = on_message
        self._on_event = on_event
        self._on_phone = on_phone
        self._on_upstream = on_upstream
        self._advertised = advertised
        self._on_certificate = on_certificate
        self._streams = Streams(self, limits, client_context)
        self._sockets = WebSockets(self, limits)
        self._udp: socket.socket | None = None
        self._host = ""
        self._bound = Bound(0, 0, 0)
        self._timer: asyncio.TimerHandle | None = None
        self._is_flushing = False

    async def start(self, host: str, port: int, tls_port: int = 0, context: ssl.SSLContext | None = None) -> Bound:
        """UDP and TCP share a port; TLS only with a context. Port 0 stands for a free one. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        self._host = host
        self._udp, tcp = await self._bind(host, port)
        tls = await self._streams.listen("tls", host, tls_port, context) if context is not None else 0
        self._bound = Bound(self._udp.getsockname()[1], tcp, tls)
        self._loop.add_reader(self._udp, self._read_datagrams)
        return self._bound

    async def serve_socket(self, socket: ServerConnection) -> None:
        """A WebSocket of subprotocol `sip` that was opened on another port, until it is closed."""
        await self._sockets.serve(socket)

    async def close_sockets(self) -> None:
        """Sends what is still to be sent on WebSockets and closes them."""
        self.flush()
        await self._sockets.close()

    async def close(self) -> None:
        """Sends what is still to be sent and closes everything; calls are not ended."""
        await self.close_sockets()
        await self._streams.close()
        if self._udp is not None:
            self._loop.remove_reader(self._udp)
            self._udp.close()
            self._udp = None
        if self._timer is not None:
            self._timer.cancel()

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    # Outliving the process.

    def save(self, call: str) -> SavedCall | None:
        return self.agent.save(call, self.now)

    def call_id_of(self, call: str) -> str | None:
        """None for a call that is over."""
        return self.agent.call_id_of(call)

    def restore(self, call: SavedCall, age: float) -> None:
        """A call of an earlier process, saved `age` seconds ago; before `start`. Raises ParseError."""
        self.agent.restore(call, self.now - age)

    def flow_of(self, call: str) -> Flow | None:
        """The way to its peer; None for a call that is over."""
        return self.agent.flow_of(call)

    def probe(self, call: str) -> None:
        self.agent.probe(call, self.now)
        self.flush()

    @property
    def upstream(self) -> Upstream:
        """Whose commands are followed by `flush`."""
        return self.agent.upstream

    # Commands, each as in UserAgent.

    def flow_to(self, transport: Transport, remote: Address, name: str = "") -> Flow:
        """The way to `remote`; a name as host works for TCP and TLS only. TLS verifies `name`, or the host. By
        WebSocket nobody can be called but on the flow that he opened."""
        return Flow(transport, self.get_local(transport, remote), remote, 0, name)

    def invite(self, flow: Flow, invitation: Invitation) -> str:
        """Raises ValueRefused."""
        call = self.agent.invite(flow, invitation, self.now)
        self.flush()
        return call

    def ring(self, call: str) -> None:
        self.agent.ring(call, self.now)
        self.flush()

    def progress(self, call: str, sdp: str) -> None:
        self.agent.progress(call, sdp, self.now)
        self.flush()

    def answer(self, call: str, sdp: str) -> None:
        self.agent.answer(call, sdp, self.now)
        self.flush()

    def reject(self, call: str, status: int, reason: str = "") -> None:
        self.agent.reject(call, status, reason, self.now)
        self.flush()

    def accept_offer(self, call: str, sdp: str) -> None:
        self.agent.accept_offer(call, sdp, self.now)
        self.flush()

    def reject_offer(self, call: str, status: int, reason: str = "") -> None:
        self.agent.reject_offer(call, status, reason, self.now)
        self.flush()

    def press(self, call: str, digit: str, duration_ms: int) -> None:
        self.agent.press(call, digit, duration_ms, self.now)
        self.flush()

    def offer(self, call: str, sdp: str) -> None:
        self.agent.offer(call, sdp, self.now)
        self.flush()

    def accept_transfer(self, call: str) -> None:
        self.agent.accept_transfer(call, self.now)
        self.flush()

    def refuse_transfer(self, call: str, status: int) -> None:
        self.agent.refuse_transfer(call, status, self.now)
        self.flush()

    def report_transfer(self, call: str, status: int) -> None:
        self.agent.report_transfer(call, status, self.now)
        self.flush()

    def refer(self, call: str, target: Uri) -> None:
        self.agent.refer(call, target, self.now)
        self.flush()

    def drain(self) -> None:
        """No new calls from now on."""
        self.agent.drain()

    def hang_up(self, call: str, reason: str = "") -> None:
        self.agent.hang_up(call, self.now, reason)
        self.flush()

    # Between the agent and the sockets.

    def receive(self, data: bytes, flow: Flow) -> None:
        """One message; `flush` follows."""
        if not data.startswith(b"INVITE ") or self.agent.knows(flow):
            self._on_message(data, flow, False)
        self.agent.receive(data, flow, self.now)

    def refuse_stream(self, error: FramingError, flow: Flow) -> None:
        """Likewise, of the message at which a connection cannot be followed further."""
        self.agent.refuse_stream(error, flow)

    def flow_closed(self, flow: Flow) -> None:
        self.agent.flow_closed(flow, self.now)
        self.flush()

    def certificate_shown(self, connection: int, shown: bytes) -> None:
        self._on_certificate(connection, shown)

    def is_used(self, flow: Flow) -> bool:
        return self.agent.uses(flow)

    def is_known(self, flow: Flow) -> bool:
        return self.agent.knows(flow)

    def get_host(self) -> str:
        """The host to tell peers, if it is a given one."""
        return self._advertised

    def flush(self) -> None:
        """Sends what the agent has to send, tells its events, sets its timer. A command given in `on_event` comes back
        here, and the outer call goes on with it."""
        if self._is_flushing:
            return
        self._is_flushing = True
        try:
            self._flush()
        finally:
            self._is_flushing = False
            self._arm()

    def get_local(self, transport: Transport, remote: Address) -> Address:
        """Where the peer reaches us."""
        port = {"udp": self._bound.udp, "tcp": self._bound.tcp, "tls": self._bound.tls}.get(transport, 0)
        host = self._advertised or self._host
        return (host if host not in ("", "0.0.0.0", "::") else _find_source(remote), port)

    def _flush(self) -> None:
        while True:
            for outgoing in self.agent.take():
                self._send(outgoing)
            while (news := self.agent.registrar.next_news()) is not None:
                self._on_phone(news)
            while (change := self.agent.upstream.next_news()) is not None:
                self._on_upstream(change)
            event = self.agent.next_event()
            if event is None:
                break
            self._on_event(event)
        if changed := self.agent.take_changed():
            self._on_changed(changed)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        at = self.agent.get_timer()
        self._timer = self._loop.call_at(at, self._handle_timer) if at is not None else None

    def _handle_timer(self) -> None:
        # A loop's timer may fire up to its clock's resolution early.
        self.agent.handle_timer(max(self.now, self.agent.get_timer() or 0.0))
        self.flush()

    def _send(self, outgoing: Outgoing) -> None:
        self._on_message(outgoing.data, outgoing.flow, True)
        if outgoing.flow.transport == "wss":
            self._sockets.send(outgoing.flow, outgoing.data)
        elif outgoing.flow.is_reliable:
            self._streams.send(outgoing.flow, outgoing.data)
        elif self._udp is not None and parse_address(outgoing.flow.remote[0]) is not None:
            # What the socket does not take is lost, as on the way; the agent repeats it.
            with contextlib.suppress(OSError):
                self._udp.sendto(outgoing.data, outgoing.flow.remote)

    def _read_datagrams(self) -> None:
        until = time.monotonic() + SLICE
        for _ in range(BATCH):
            if self._udp is None:
                return
            try:
                data, source = self._udp.recvfrom(MAX_MESSAGE)
            except BlockingIOError:
                break
            except OSError as error:
                log.warning("! datagram not read", error=type(error).__name__)
                break
            remote = plain_address(source)
            self.receive(data, Flow("udp", self.get_local("udp", remote), remote))
            if time.monotonic() >= until:
                break  # the loop calls again while there are more
        self.flush()

    async def _bind(self, host: str, port: int) -> tuple[socket.socket, int]:
        """A free port must be free for both: TCP is asked first, then UDP for the same."""
        if self._given is not None:
            return self._given, await self._streams.listen("tcp", host, self._given.getsockname()[1], None)
        for attempt in itertools.count():
            tcp = await self._streams.listen("tcp", host, port, None)
            try:
                return bind_datagrams(host, tcp), tcp
            except OSError:
                await self._streams.stop_listening()
                if port or attempt == 8:
                    raise
        raise AssertionError("the loop ends only by return or raise")


def _find_source(remote: Address) -> str:
    """Which of our addresses the route to a peer begins at; nothing is sent."""
    family = socket.AF_INET6 if ":" in remote[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote[0], remote[1] or 5060))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
