"""The SIP server on real sockets: sipp over UDP and TCP, our own core over TLS, and peers that behave badly."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar, cast

import pytest
import structlog

from signaling.sip.calls.invitation import Invitation
from signaling.sip.config import SipConfig
from signaling.sip.events import CallAnswered, CallEnded, IncomingCall, SipEvent
from signaling.sip.flow import Transport
from signaling.sip.headers import NameAddr
from signaling.sip.messages.uri import Uri
from signaling.sip_server.sip_connection import Connection
from signaling.sip_server.sip_io import Bound, SipServer
from signaling.sip_server.sip_limits import DEFAULT_LIMITS, Complaints, Limits, Places
from tests.signaling.sip.network import ANSWER, OFFER
from tests.support.tls import make_certificate

CALLS = 5
Kind = TypeVar("Kind", bound=SipEvent)

STRANGER = "127.0.0.9"


class Side:
    """A server, its events, and a way to await one."""

    def __init__(
        self,
        trunk: str | None,
        limits: Limits = DEFAULT_LIMITS,
        client_context: ssl.SSLContext | None = None,  # frozen
    ) -> None:
        self.server = SipServer(
            SipConfig(),
            lambda flow: None if flow.remote[0] == STRANGER else trunk,
            self._on_event,
            limits=limits,
            client_context=client_context,
        )
        self.bound = Bound(0, 0, 0)
        self.events: list[SipEvent] = []
        self.react: Callable[[SipEvent], None] = lambda event: None
        self._news = asyncio.Event()

    def _on_event(self, event: SipEvent) -> None:
        self.events.append(event)
        self._news.set()
        self.react(event)

    async def wait_for(self, kind: type[Kind], count: int = 1) -> Kind:
        """The event of that kind that makes them so many."""
        async with asyncio.timeout(15):
            while len(found := [event for event in self.events if isinstance(event, kind)]) < count:
                self._news.clear()
                await self._news.wait()
        return found[count - 1]


@asynccontextmanager
async def running(side: Side, context: ssl.SSLContext | None = None) -> AsyncIterator[Side]:
    side.bound = await side.server.start("127.0.0.1", 0, 0, context)
    try:
        yield side
    finally:
        await side.server.close()


def answer_at_once(side: Side) -> None:
    def react(event: SipEvent) -> None:
        if isinstance(event, IncomingCall):
            side.server.ring(event.call)
            side.server.answer(event.call, ANSWER)

    side.react = react


async def sipp(*arguments: str, port: int, folder: Path) -> int:
    process = await asyncio.create_subprocess_exec(
        "sipp", f"127.0.0.1:{port}", "-sn", "uac", "-i", "127.0.0.1", "-r", "20", "-d", "100",
        "-s", "493012345", "-nostdin", "-timeout", "20", "-max_socket", "100", *arguments,
        cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await process.wait()


@pytest.mark.parametrize("mode", ["u1", "t1", "tn"])
async def test_sipp_calls(mode: str, tmp_path: Path) -> None:
    side = Side("carrier")
    answer_at_once(side)
    async with running(side) as called:
        assert await sipp("-t", mode, "-m", str(CALLS), port=called.bound.udp, folder=tmp_path) == 0
        await called.wait_for(CallEnded, CALLS)
        answered = [event for event in called.events if isinstance(event, CallAnswered)]
        ended = [event for event in called.events if isinstance(event, CallEnded)]
        first = await called.wait_for(IncomingCall)
        assert len(answered) == CALLS
        assert [(event.cause, event.status) for event in ended] == [("bye", 200)] * CALLS
        assert (first.trunk, first.called, first.caller.reveal()) == ("carrier", "493012345", "sipp")
        assert called.server.agent.calls == 0
        assert called.server.agent.counters.faults == 0


async def test_stranger_is_refused_to_sipp(tmp_path: Path) -> None:
    side = Side(None)
    async with running(side) as called:
        assert await sipp("-t", "u1", "-m", "1", port=called.bound.udp, folder=tmp_path) != 0
        assert called.events == []
        assert (called.server.agent.calls, called.server.agent.transactions) == (0, 0)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_call_between_two_servers(transport: Transport, tmp_path: Path) -> None:
    server_context, client_context = make_certificate(tmp_path)
    callee, caller = Side("carrier"), Side(None, client_context=client_context)
    answer_at_once(callee)
    async with running(callee, server_context), running(caller):
        remote = ("127.0.0.1", getattr(callee.bound, transport))
        sender = NameAddr(Uri("sip", "+4917", "caller.test"), "Ada")
        target = Uri("sip", "493012345", *remote)
        call = caller.server.invite(caller.server.flow_to(transport, remote), Invitation(target, sender, OFFER))
        assert await caller.wait_for(CallAnswered) == CallAnswered(call, ANSWER)
        theirs = await callee.wait_for(CallAnswered)
        callee.server.hang_up(theirs.call)
        assert await caller.wait_for(CallEnded) == CallEnded(call, "bye", 200)
        arrived = await callee.wait_for(IncomingCall)
        assert arrived.flow.transport == transport
        assert (arrived.display.reveal(), arrived.sdp) == ("Ada", OFFER)


async def test_connection_that_cannot_be_made_ends_the_call(tmp_path: Path) -> None:
    side = Side(None)
    async with running(side) as caller:
        closed = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = closed.sockets[0].getsockname()[1]
        closed.close()
        await closed.wait_closed()
        sender = NameAddr(Uri("sip", "a", "b.test"))
        flow = caller.server.flow_to("tcp", ("127.0.0.1", port))
        call = caller.server.invite(flow, Invitation(Uri("sip", "x", *flow.remote), sender, OFFER))
        assert await caller.wait_for(CallEnded) == CallEnded(call, "lost", 503)


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_name_that_can_be_nobodys_ends_the_call(transport: Transport) -> None:
    async with running(Side(None)) as caller:
        sender = NameAddr(Uri("sip", "a", "b.test"))
        for count in (1, 2):  # again: what is left of the first try is in nobody's way
            flow = caller.server.flow_to(transport, ("a..b", 5061))
            caller.server.invite(flow, Invitation(Uri("sip", "x", "b.test"), sender, OFFER))
            assert (await caller.wait_for(CallEnded, count)).cause == "lost"


async def test_unverified_certificate_ends_the_call(tmp_path: Path) -> None:
    server_context, _ = make_certificate(tmp_path)
    callee, caller = Side("carrier"), Side(None)
    async with running(callee, server_context), running(caller):
        remote = ("127.0.0.1", callee.bound.tls)
        invitation = Invitation(Uri("sip", "x", *remote), NameAddr(Uri("sip", "a", "b.test")), OFFER)
        caller.server.invite(caller.server.flow_to("tls", remote), invitation)
        assert (await caller.wait_for(CallEnded)).cause == "lost"
        assert callee.events == []


async def test_connection_lost_before_the_answer_ends_the_call() -> None:
    async with running(Side("carrier")) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp)
        writer.write(make_invite("tcp"))
        assert (await reader.read(20)).startswith(b"SIP/2.0 100")
        await called.wait_for(IncomingCall)
        writer.close()
        assert (await called.wait_for(CallEnded)).cause == "lost"
        await writer.wait_closed()


async def test_keep_alive_is_answered() -> None:
    async with running(Side(None)) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp)
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 5) == b"\r\n"
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"x" * 70000, b"INVITE sip:a@b SIP/2.0\r\nContent-Length: -5\r\n\r\n"],
)
async def test_stream_that_is_not_sip_is_closed(garbage: bytes) -> None:
    async with running(Side("carrier")) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp)
        writer.write(garbage)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("lengths", [("0", "4"), ("0", "0"), ("-1",), ("x",), ()])
async def test_length_that_cannot_be_trusted_is_400_and_the_end(lengths: tuple[str, ...]) -> None:
    async with running(Side("carrier")) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp)
        fields = "".join(f"Content-Length: {length}\r\n" for length in lengths).encode()
        writer.write(make_invite("tcp").replace(b"Content-Length: 0\r\n", fields))
        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.startswith(b"SIP/2.0 400 Bad Content-Length\r\n") and answer.count(b"SIP/2.0 4") == 1
        assert called.events == []
        writer.close()
        await writer.wait_closed()


async def test_message_that_does_not_end_in_time_is_not_waited_for() -> None:
    async with running(Side("carrier", Limits(message=0.2))) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp)
        writer.write(make_invite("tcp").replace(b"Content-Length: 0", b"Content-Length: 10"))
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        await writer.wait_closed()


async def test_messages_and_keep_alives_in_time_keep_the_connection() -> None:
    async with running(Side("carrier", Limits(message=0.2))) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp)
        writer.write(make_subscribe()[:30])
        await asyncio.sleep(0.05)
        writer.write(make_subscribe()[30:] + b"\r\n")
        await asyncio.sleep(0.4)
        writer.write(b"\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(4096), 5)).startswith(b"SIP/2.0 405")
        assert await asyncio.wait_for(reader.readexactly(2), 5) == b"\r\n"
        writer.close()
        await writer.wait_closed()


async def test_too_many_connections_of_one_source_are_closed() -> None:
    async with running(Side(None, Limits(per_source=2))) as called:
        streams = [await asyncio.open_connection("127.0.0.1", called.bound.tcp) for _ in range(3)]
        assert await asyncio.wait_for(streams[2][0].read(), 5) == b""
        streams[0][1].write(b"\r\n\r\n")
        assert await asyncio.wait_for(streams[0][0].readexactly(2), 5) == b"\r\n"
        for _, writer in streams:
            writer.close()
            await writer.wait_closed()


async def test_strangers_do_not_take_the_places_of_trunks() -> None:
    async with running(Side("carrier", Limits(strangers=2))) as called:
        streams = [
            await asyncio.open_connection("127.0.0.1", called.bound.tcp, local_addr=(host, 0))
            for host in (STRANGER, STRANGER, STRANGER, "127.0.0.1")
        ]
        assert await asyncio.wait_for(streams[2][0].read(), 5) == b""
        streams[3][1].write(b"\r\n\r\n")
        assert await asyncio.wait_for(streams[3][0].readexactly(2), 5) == b"\r\n"
        streams[0][1].close()
        await asyncio.wait_for(_read_to_end(streams[0][0]), 5)
        _, writer = await _let_in(called.bound.tcp)
        for each in (*(stream[1] for stream in streams), writer):
            each.close()
            await each.wait_closed()


async def test_a_stranger_who_sends_a_little_now_and_then_is_idle() -> None:
    async with running(Side("carrier", Limits(stranger_idle=0.3))) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp, local_addr=(STRANGER, 0))
        ended = asyncio.ensure_future(reader.read())
        async with asyncio.timeout(20):
            while not ended.done():
                if not writer.is_closing():
                    writer.write(b"x")
                await asyncio.wait([ended], timeout=0.05)
        assert isinstance(ended.exception(), ConnectionError | type(None)) and called.events == []
        writer.close()


@pytest.mark.parametrize("octets", [b"\r\n\r\n", b"SIP/2.0 200 OK\r\nl: 0\r\n\r\n"])
async def test_a_stranger_who_is_busy_without_becoming_somebody_is_closed(octets: bytes) -> None:
    """Else a handful of them would hold all places that phones come in by."""
    async with running(Side("carrier", Limits(stranger=0.3))) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp, local_addr=(STRANGER, 0))
        ended = asyncio.ensure_future(_read_to_end(reader))
        async with asyncio.timeout(20):
            while not ended.done():
                if not writer.is_closing():
                    writer.write(octets)
                await asyncio.wait([ended], timeout=0.05)
        writer.close()


async def test_places_are_given_back_by_who_has_become_known_meanwhile() -> None:
    """A trunk's address may be learnt after it has connected."""
    known: set[str] = set()
    places = Places(Limits(strangers=1), lambda flow: flow.remote[0] in known, lambda: 0.0)
    for number in range(3):
        place = places.admit("tcp", (f"192.0.2.{number}", 5060))
        assert place is not None and places.admit("tcp", ("192.0.2.9", 5060)) is None
        known.add(place.source)
        places.release(place)


class Unread:
    """A transport whose peer reads nothing."""

    def __init__(self) -> None:
        self.unsent = 0
        self.is_aborted = False

    def is_closing(self) -> bool:
        return self.is_aborted

    def write(self, data: bytes) -> None:
        self.unsent += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.is_aborted = True


async def test_a_peer_that_does_not_read_is_cut_off() -> None:
    async with running(Side("carrier", Limits(unsent=1000))) as called:
        connection, peer = Connection(called.server._streams, "tcp", ("192.0.2.9", 5060)), Unread()
        connection._transport = cast(asyncio.Transport, peer)
        for _ in range(20):
            connection.send(b"x" * 100)
        assert (peer.is_aborted, peer.unsent) == (True, 1100)


def test_complaints_are_logged_once_a_second() -> None:
    now = 100.0
    complaints = Complaints(lambda: now)
    with structlog.testing.capture_logs() as logged:
        for _ in range(30):
            now += 0.1
            complaints.tell("too many connections")
    assert 3 <= len(logged) <= 4 and logged[0]["refused"] == 1


def test_a_network_of_ipv6_is_one_source_of_strangers() -> None:
    places = Places(Limits(per_source=2), lambda flow: False, lambda: 0.0)
    admitted = [places.admit("tls", (f"2001:db8::{number}", 5061)) for number in range(3)]
    assert [place is not None for place in admitted] == [True, True, False]


FLOOD = 3000
"""Messages: more than any machine is through with before its loop has turned a few times."""


async def test_a_flood_on_one_connection_leaves_time_for_others() -> None:
    async with running(Side("carrier")) as called:
        _, flood = await asyncio.open_connection("127.0.0.1", called.bound.tcp)
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp)
        flood.write(make_subscribe() * FLOOD)
        await asyncio.sleep(0.01)
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 5) == b"\r\n"
        assert called.server.agent.counters.refused < FLOOD  # the flood is not through yet
        async with asyncio.timeout(10):
            while called.server.agent.counters.refused < FLOOD:
                await asyncio.sleep(0.01)
        for each in (flood, writer):
            each.close()


async def test_silent_tls_handshake_is_ended(tmp_path: Path) -> None:
    server_context, _ = make_certificate(tmp_path)
    async with running(Side(None, Limits(handshake=0.2)), server_context) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tls)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        await writer.wait_closed()


async def test_peer_that_never_ends_tls_is_cut_off(tmp_path: Path) -> None:
    server_context, client_context = make_certificate(tmp_path)
    async with running(Side("carrier", Limits(linger=0.1)), server_context) as called:
        address = ("127.0.0.1", called.bound.tls)
        peer = await asyncio.to_thread(
            lambda: client_context.wrap_socket(socket.create_connection(address), server_hostname=address[0])
        )
        peer.sendall(b"not SIP\r\n\r\n")
        assert await asyncio.to_thread(peer.recv, 1) == b""  # read, and not answered with an end of ours
        await asyncio.wait_for(called.server.close(), 5)
        peer.close()


async def test_idle_connection_is_closed() -> None:
    async with running(Side(None, Limits(idle=0.2))) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        await writer.wait_closed()


async def test_connection_with_a_call_is_not_idle() -> None:
    async with running(Side("carrier", Limits(idle=0.1))) as called:
        reader, writer = await asyncio.open_connection("127.0.0.1", called.bound.tcp)
        writer.write(make_invite("tcp"))
        await called.wait_for(IncomingCall)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_read_to_end(reader), 0.4)
        writer.close()
        await writer.wait_closed()


async def _let_in(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stranger's connection that is not closed at once: a place has become free."""
    async with asyncio.timeout(5):
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(STRANGER, 0))
            writer.write(b"\r\n\r\n")
            try:
                if await reader.read(2) == b"\r\n":
                    return reader, writer
            except ConnectionError:
                writer.close()


async def _read_to_end(reader: asyncio.StreamReader) -> None:
    while await reader.read(4096):
        continue


def make_invite(transport: str) -> bytes:
    lines = [
        "INVITE sip:493012345@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} 192.0.2.9:5060;branch=z9hG4bKabc",
        "From: <sip:+4917@caller.test>;tag=1",
        "To: <sip:493012345@127.0.0.1>",
        "Call-ID: one",
        "CSeq: 1 INVITE",
        "Contact: <sip:192.0.2.9>",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def make_subscribe() -> bytes:
    """One that costs work and is refused."""
    invite = make_invite("tcp").replace(b"INVITE", b"SUBSCRIBE")
    head, _, body = invite.partition(b"\r\n\r\n")
    return head + b"\r\nX: " + b"a," * 200 + b"\r\n\r\n" + body


@pytest.mark.parametrize(("name", "kind"), [("localhost", CallAnswered), ("other.test", CallEnded)])
async def test_the_certificate_must_name_the_target_and_not_the_address_that_it_led_to(
    name: str, kind: type[SipEvent], tmp_path: Path
) -> None:
    server_context, client_context = make_certificate(tmp_path)
    callee, caller = Side("carrier"), Side(None, client_context=client_context)
    answer_at_once(callee)
    async with running(callee, server_context), running(caller):
        flow = caller.server.flow_to("tls", ("127.0.0.1", callee.bound.tls), name)
        caller.server.invite(flow, Invitation(Uri("sip", "x", name), NameAddr(Uri("sip", "a", "b.test")), OFFER))
        assert isinstance(await caller.wait_for(kind), kind)
