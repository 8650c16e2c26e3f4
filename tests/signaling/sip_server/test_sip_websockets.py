"""SIP over WebSockets as a client sees it, through the softphones' port."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from signaling.sip.events import CallAnswered, CallEnded, IncomingCall
from signaling.sip.flow import Flow
from signaling.sip.messages.message import Message, Request, Response, parse_message
from signaling.sip_server.sip_io import SipServer
from signaling.sip_server.sip_limits import Limits
from signaling.softphone.server import SoftphoneServer
from tests.signaling.sip.network import ANSWER
from tests.signaling.sip.wire import request
from tests.signaling.sip_server.test_sip_io import Side
from tests.support.desk import ScriptedDesk
from tests.support.tls import make_certificate

ORIGIN = "https://phones.example"
LIMITS = Limits(per_source=4, stranger_idle=0.4)


class Port:
    """A SIP server that takes its WebSockets from a softphone server."""

    def __init__(self, side: Side, port: int, client: ssl.SSLContext) -> None:
        self.side = side
        self._port = port
        self._client = client
        self.stack = AsyncExitStack()

    @property
    def server(self) -> SipServer:
        return self.side.server

    async def connect(self, origin: str = ORIGIN, subprotocol: str = "sip") -> ClientConnection:
        return await self.stack.enter_async_context(
            connect(
                f"wss://127.0.0.1:{self._port}/",
                ssl=self._client,
                origin=Origin(origin),
                subprotocols=[Subprotocol(subprotocol)],
                proxy=None,
            )
        )


async def open_port(trunk: str | None, folder: Path, stack: AsyncExitStack) -> Port:
    side = Side(trunk, LIMITS)
    server_context, client_context = make_certificate(folder)
    softphones = SoftphoneServer(ScriptedDesk(), [ORIGIN], {"sip": side.server.serve_socket})
    await side.server.start("127.0.0.1", 0)
    stack.push_async_callback(side.server.close)
    port = Port(side, await softphones.start("127.0.0.1", 0, server_context), client_context)
    stack.push_async_callback(softphones.close)
    stack.push_async_callback(side.server.close_sockets)
    stack.push_async_callback(port.stack.aclose)
    return port


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    async with AsyncExitStack() as stack:
        yield await open_port("browsers", tmp_path, stack)


@pytest.fixture
async def strange_port(tmp_path: Path) -> AsyncIterator[Port]:
    async with AsyncExitStack() as stack:
        yield await open_port(None, tmp_path, stack)


async def receive(socket: ClientConnection) -> Message:
    async with asyncio.timeout(5):
        message = await socket.recv()
    return parse_message(message.encode() if isinstance(message, str) else message)


async def invite(socket: ClientConnection, as_text: bool = True) -> None:
    message = bytes(request("INVITE", body="v=0", Via="SIP/2.0/WSS x.invalid;branch=z9hG4bKone"))
    await socket.send(message.decode() if as_text else message)


@pytest.mark.parametrize("as_text", [True, False])
async def test_a_call_over_a_socket(port: Port, as_text: bool) -> None:
    socket = await port.connect()
    assert socket.subprotocol == "sip"
    await invite(socket, as_text)
    trying = await receive(socket)
    assert isinstance(trying, Response) and trying.status == 100
    assert (trying.headers.get("Via") or "").startswith("SIP/2.0/WSS x.invalid;")
    call = await port.side.wait_for(IncomingCall)
    assert (call.flow.transport, call.flow.connection > 0) == ("wss", True)
    port.server.answer(call.call, ANSWER)
    ok = await receive(socket)
    assert isinstance(ok, Response) and ok.status == 200
    assert ";transport=ws" in (ok.headers.get("Contact") or "")
    tag = (ok.headers.get("To") or "").partition("tag=")[2]
    await socket.send(bytes(request("ACK", tag=tag, branch="ack")).decode())
    await port.side.wait_for(CallAnswered)
    port.server.hang_up(call.call)
    bye = await receive(socket)
    assert isinstance(bye, Request) and bye.method == "BYE"
    assert (bye.headers.get("Via") or "").startswith("SIP/2.0/WSS 127.0.0.1:")


async def test_a_socket_that_closes_before_the_answer_ends_its_call(port: Port) -> None:
    socket = await port.connect()
    await invite(socket)
    await receive(socket)
    await socket.close()
    ended = await port.side.wait_for(CallEnded)
    assert ended.cause == "lost"


async def test_a_keep_alive_is_answered(port: Port) -> None:
    socket = await port.connect()
    await invite(socket)
    await receive(socket)
    await socket.send("\r\n\r\n")
    async with asyncio.timeout(5):
        assert await socket.recv() == "\r\n"


async def test_a_foreign_page_is_turned_away(port: Port) -> None:
    socket = await port.connect(origin="https://elsewhere.example")
    with pytest.raises(ConnectionClosed):
        await receive(socket)
    assert socket.close_code == 1008


async def test_what_is_no_sip_costs_its_sender_nothing_but_himself(port: Port) -> None:
    socket, other = await port.connect(), await port.connect()
    for junk in ("", "\x00", "INVITE", "x" * 60000, "\r\n", "SIP/2.0 200 OK\r\n\r\n"):
        await socket.send(junk)
    await socket.send(b"\xff\xfe INVITE")
    await invite(other)
    assert isinstance(await receive(other), Response)
    await socket.send("x" * 70000)
    with pytest.raises(ConnectionClosed):
        await receive(socket)
    assert socket.close_code == 1009


async def test_a_stranger_is_closed_and_keeps_nobody_out(strange_port: Port) -> None:
    sockets = [await strange_port.connect() for _ in range(LIMITS.per_source)]
    one_more = await strange_port.connect()
    with pytest.raises(ConnectionClosed):
        await receive(one_more)
    assert one_more.close_code == 1013
    await invite(sockets[0])
    refusal = await receive(sockets[0])
    assert isinstance(refusal, Response) and refusal.status == 403
    for socket in sockets:
        with pytest.raises(ConnectionClosed):
            await receive(socket)
        assert socket.close_code == 1008
    await strange_port.connect()


async def test_closing_says_what_is_still_to_be_said(port: Port) -> None:
    socket = await port.connect()
    await invite(socket)
    await receive(socket)
    call = await port.side.wait_for(IncomingCall)
    port.server.reject(call.call, 480)
    await port.server.close_sockets()
    refusal = await receive(socket)
    assert isinstance(refusal, Response) and refusal.status == 480
    with pytest.raises(ConnectionClosed):
        await receive(socket)
    assert socket.close_code == 1001
    assert not port.server.is_used(Flow("wss", ("", 0), ("", 0), 1))
