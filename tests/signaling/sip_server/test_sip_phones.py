"""Phones on real sockets: registered connections stay, take no stranger's place, and are called on."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from signaling.sip.calls.invitation import Invitation
from signaling.sip.config import SipConfig
from signaling.sip.flow import Flow
from signaling.sip.headers import NameAddr
from signaling.sip.messages.framing import StreamFramer
from signaling.sip.messages.message import Headers, Message, Request, Response, parse_message
from signaling.sip.messages.uri import Uri
from signaling.sip.registering.registrar import Changed, News
from signaling.sip_server.sip_io import SipServer
from signaling.sip_server.sip_limits import Limits
from tests.signaling.sip.network import OFFER
from tests.signaling.sip.phone import Directory, Office, Phone

ANN = "i-1/phones/ann"
LIMITS = Limits(strangers=1, stranger_idle=0.5)


class Server:
    def __init__(self) -> None:
        self.news: list[News] = []
        self.port = 0
        self.sip = SipServer(
            SipConfig(), lambda flow: None, lambda event: None, limits=LIMITS, accounts=Directory(), on_phone=self._note
        )

    def _note(self, news: News) -> None:
        self.news.append(news)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    server.port = (await server.sip.start("127.0.0.1", 0)).tcp
    yield server
    await server.sip.close()


class Connection:
    """Messages of one TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._framer = StreamFramer()
        self._waiting: list[bytes] = []

    @classmethod
    async def open(cls, server: Server) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", server.port))

    async def receive(self) -> Message:
        async with asyncio.timeout(5):
            while not self._waiting:
                data = await self.reader.read(65536)
                assert data, "closed"
                self._waiting += self._framer.feed(data)
        return parse_message(self._waiting.pop(0))

    async def ask(self, request: Request) -> Response:
        self.writer.write(bytes(request))
        answer = await self.receive()
        assert isinstance(answer, Response)
        return answer

    async def register(self, phone: Phone) -> Response:
        challenge = await self.ask(phone.request())
        return await self.ask(phone.signed(challenge))

    async def is_closed(self) -> bool:
        async with asyncio.timeout(5):
            return await self.reader.read() == b""


async def test_a_registered_connection_is_no_strangers_any_more(server: Server) -> None:
    first = await Connection.open(server)
    assert (await first.register(Phone(Office(), transport="tcp"))).status == 200
    assert [news.phone for news in server.news if isinstance(news, Changed)] == [ANN]
    stranger = await Connection.open(server)
    assert await stranger.is_closed()  # only after a while: it was let in
    first.writer.write(b"\r\n\r\n")
    async with asyncio.timeout(5):
        assert await first.reader.readexactly(2) == b"\r\n"
    first.writer.close()
    while server.sip.agent.registrar.bindings.of(ANN):
        await asyncio.sleep(0)
    stranger.writer.close()


async def test_a_phone_is_called_on_its_connection(server: Server) -> None:
    line = await Connection.open(server)
    await line.register(Phone(Office(), transport="tcp"))
    (binding,) = server.sip.agent.registrar.bindings.of(ANN)
    caller = NameAddr(Uri("sip", "+15550199", "acme.test"), "Support")
    invitation = Invitation(binding.contact, caller, OFFER, (("Answer-Mode", "Auto"),), keeps_flow=True)
    server.sip.invite(binding.flow, invitation)
    invite = await line.receive()
    assert isinstance(invite, Request)
    assert (invite.method, invite.uri) == ("INVITE", "sip:ann@198.51.100.7:40000")
    assert invite.headers.get("Answer-Mode") == "Auto"
    line.writer.close()


async def test_over_udp_what_follows_goes_where_the_phone_is_and_not_where_it_says() -> None:
    office = Office()
    phone = Phone(office)
    phone.register(Contact="<sip:ann@10.0.0.7:5062>")
    (binding,) = office.agent.registrar.bindings.of(ANN)
    caller = NameAddr(Uri("sip", "+15550199", "acme.test"))
    office.agent.invite(binding.flow, Invitation(binding.contact, caller, OFFER, keeps_flow=True), office.now)
    (outgoing,) = office.agent.take()
    invite = parse_message(outgoing.data)
    names = ("Via", "From", "Call-ID", "CSeq")
    fields = [(name, invite.headers.get(name) or "") for name in names]
    to = ("To", f"{invite.headers.get('To')};tag=theirs")
    contact, kind = ("Contact", "<sip:ann@10.0.0.7:5062>"), ("Content-Type", "application/sdp")
    ok = Response(200, "OK", Headers((*fields, to, contact, kind)), OFFER.encode())
    office.agent.receive(bytes(ok), phone.flow, office.now)
    (ack,) = office.agent.take()
    assert (ack.data[:3], ack.flow) == (b"ACK", Flow("udp", phone.flow.local, ("198.51.100.7", 40000)))
