"""Browser legs on a real port, with a browser whose every datagram the test decides."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from relay.formats import Codec, SendFormat
from relay.offers.audio import Fingerprint, Peer
from relay.offers.negotiation import Agreement
from relay.streams.rtp import RtpPacket, serialize
from relay.tick import now_ns
from relay.transport import stun
from relay.transport.address import Address
from relay.transport.browser_port import BrowserPort
from relay.transport.browser_transport import BrowserTransport
from relay.transport.demux import Kind, classify
from relay.transport.dtls import Dtls, new_certificate
from relay.transport.ice import CONSENT_SECONDS, Credentials
from relay.transport.srtp import Srtp
from relay.transport.stun import StunMessage
from relay.transport.udp import UdpSocket, bind

HOST = "127.0.0.1"
PCMU = Codec("PCMU")


def packet(number: int) -> bytes:
    return serialize(RtpPacket(0, False, 1, number, number * 160, b"sound"))


class Told:
    """What the transport tells its leg."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[str] = asyncio.Queue()
        self.packets: asyncio.Queue[bytes] = asyncio.Queue()
        self.discarded = 0
        self._up = False

    def receive_rtp(self, data: bytes, arrival_ns: int) -> None:
        self.packets.put_nowait(data)

    def receive_rtcp(self, data: bytes, arrival_ns: int) -> None:
        self.packets.put_nowait(data)

    def fault(self, error: Exception) -> None:
        raise error

    def discard(self, datagrams: int = 1) -> None:
        self.discarded += datagrams

    def renewed(self) -> None:
        self._up = False

    def up(self) -> None:
        if not self._up:
            self._up = True
            self.events.put_nowait("up")

    def down(self, reason: str) -> None:
        self._up = False
        self.events.put_nowait(reason)

    async def next(self) -> str:
        return await asyncio.wait_for(self.events.get(), 5)


class FakeBrowser:
    """One certificate and DTLS; as many sockets and ICE credentials as the test wants."""

    def __init__(self, to: Address) -> None:
        self._to = to
        self._certificate, said = new_certificate()
        self.fingerprint = Fingerprint(*said.split(" "))
        self.keys: asyncio.Future[Srtp] = asyncio.get_running_loop().create_future()
        self.received: asyncio.Queue[tuple[Kind, bytes]] = asyncio.Queue()
        self._dtls: Dtls | None = None
        self._sockets: list[UdpSocket] = []
        self.move()

    def move(self) -> None:
        """To another network: another port of our own."""
        self._sockets.append(UdpSocket(bind(HOST, 0), self._receive))
        self.credentials = Credentials.generate()

    def peer(self) -> Peer:
        return Peer(self.credentials, (self.fingerprint,), "actpass", None, False)

    def check(self, ours: Credentials, nominate: bool = True) -> None:
        attributes = [
            (stun.USERNAME, f"{ours.ufrag}:{self.credentials.ufrag}".encode()),
            (stun.PRIORITY, bytes(4)),
            (stun.ICE_CONTROLLING, bytes(8)),
        ]
        if nominate:
            attributes.append((stun.USE_CANDIDATE, b""))
        message = StunMessage(stun.BINDING_REQUEST, secrets.token_bytes(12), tuple(attributes))
        self.send(message.serialize(ours.password.reveal().encode()))

    def shake_hands(self, theirs: Fingerprint) -> None:
        self._dtls = Dtls(self._certificate, [theirs], self.send, self.keys.set_result, lambda reason: None)
        self._dtls.start(active=True)

    def send(self, data: bytes) -> None:
        self._sockets[-1].send(data, self._to)

    async def next(self, kind: Kind) -> bytes:
        async with asyncio.timeout(5):
            while True:
                found, data = await self.received.get()
                if found is kind:
                    return data

    def hang_up(self) -> None:
        if self._dtls is not None:
            self._dtls.close()

    def close(self) -> None:
        self.hang_up()
        for sock in self._sockets:
            sock.close()

    def _receive(self, data: bytes, source: Address, arrival_ns: int) -> None:
        kind = classify(data)
        if kind is Kind.DTLS and self._dtls is not None:
            self._dtls.receive(data)
        self.received.put_nowait((kind, data))


class Leg:
    """A transport, its leg's ear and its browser."""

    def __init__(self, port: BrowserPort) -> None:
        self.port = port
        self.told = Told()
        self.transport = BrowserTransport(port, self.told)
        self.browser = FakeBrowser((HOST, port.port))
        self.fingerprint = Fingerprint(*self.transport.fingerprint.split(" "))
        self._agreement = Agreement(SendFormat(PCMU, 0), {0: PCMU}, "sendrecv", None, None, True)

    def negotiate(self, browser: FakeBrowser) -> Credentials:
        """The browser's offer is taken; our credentials for it."""
        ours = self.transport.credentials_for(browser.credentials)
        self.transport.apply(replace(self._agreement, peer=browser.peer(), credentials=ours))
        return ours

    async def connect(self) -> Srtp:
        """All the way up; the browser's keys."""
        ours = self.negotiate(self.browser)
        self.browser.check(ours)
        await self.browser.next(Kind.STUN)
        self.browser.shake_hands(self.fingerprint)
        assert await self.told.next() == "up"
        return await self.browser.keys

    def close(self) -> None:
        self.transport.close()
        self.browser.close()


@pytest.fixture
async def leg() -> AsyncIterator[Leg]:
    port = BrowserPort()
    port.listen(HOST, 0)
    made = Leg(port)
    yield made
    made.close()
    await asyncio.sleep(0)  # lets the handshakes' tasks say goodbye before the sockets close
    port.close()


async def test_media_flows_once_ice_and_dtls_are_done(leg: Leg) -> None:
    keys = await leg.connect()
    leg.browser.send(keys.protect(packet(1)))
    assert await asyncio.wait_for(leg.told.packets.get(), 5) == packet(1)
    assert leg.transport.send_rtp(packet(2))
    assert keys.unprotect(await leg.browser.next(Kind.RTP)) == packet(2)


async def test_from_an_unchecked_address_nothing_is_taken_or_answered(leg: Leg) -> None:
    leg.negotiate(leg.browser)
    for data in (b"\x16\xfe\xff" + bytes(40), packet(1), b"\x80\xc8" + bytes(26), b"\xff\xff", b"\0\x01garbage"):
        leg.browser.send(data)
    leg.browser.check(Credentials.generate())  # for a fragment that nobody has
    ours = leg.transport.credentials_for(leg.browser.credentials)
    leg.browser.check(ours)
    await leg.browser.next(Kind.STUN)
    assert leg.port.strangers == 6
    assert leg.browser.received.empty()
    assert leg.told.packets.empty()


async def test_media_before_the_keys_and_under_other_keys_is_discarded(leg: Leg) -> None:
    leg.browser.check(leg.negotiate(leg.browser))
    await leg.browser.next(Kind.STUN)
    leg.browser.send(packet(1))
    keys = await leg.connect()
    leg.browser.send(packet(2))
    leg.browser.send(keys.protect(packet(3)))
    assert await asyncio.wait_for(leg.told.packets.get(), 5) == packet(3)
    assert leg.told.discarded == 2


async def test_an_ice_restart_keeps_the_keys_and_moves_the_media(leg: Leg) -> None:
    keys = await leg.connect()
    leg.browser.move()
    ours = leg.negotiate(leg.browser)
    assert leg.transport.send_rtp(packet(1))  # the old way is used until the new one is nominated
    assert leg.told.events.empty()
    leg.browser.check(ours)
    assert await leg.told.next() == "up"
    leg.browser.send(keys.protect(packet(2)))
    assert await asyncio.wait_for(leg.told.packets.get(), 5) == packet(2)


async def test_the_same_offer_again_changes_nothing(leg: Leg) -> None:
    keys = await leg.connect()
    leg.negotiate(leg.browser)
    leg.transport.send_rtp(packet(1))
    assert keys.unprotect(await leg.browser.next(Kind.RTP)) == packet(1)
    assert leg.told.events.empty()


async def test_a_new_page_takes_over_once_it_is_up(leg: Leg) -> None:
    old = await leg.connect()
    page = FakeBrowser((HOST, leg.port.port))
    ours = leg.negotiate(page)
    leg.transport.send_rtp(packet(1))
    assert old.unprotect(await leg.browser.next(Kind.RTP)) == packet(1)
    page.check(ours)
    page.shake_hands(leg.fingerprint)
    assert await leg.told.next() == "up"
    leg.transport.send_rtp(packet(2))
    assert (await page.keys).unprotect(await page.next(Kind.RTP)) == packet(2)
    page.close()


async def test_a_new_page_that_never_comes_up_leaves_the_old_one(leg: Leg) -> None:
    await leg.connect()
    page = FakeBrowser((HOST, leg.port.port))
    leg.negotiate(page)
    leg.port.keep_house(now_ns() + 10 * 10**9)
    assert leg.transport.send_rtp(packet(1))
    assert leg.told.events.empty()
    page.close()


async def test_the_old_page_may_restart_ice_though_a_new_one_was_announced(leg: Leg) -> None:
    keys = await leg.connect()
    page = FakeBrowser((HOST, leg.port.port))
    leg.negotiate(page)
    leg.browser.move()
    leg.browser.check(leg.negotiate(leg.browser))
    assert await leg.told.next() == "up"
    leg.browser.send(keys.protect(packet(1)))
    assert await asyncio.wait_for(leg.told.packets.get(), 5) == packet(1)
    page.close()


async def test_consent_that_expires_silences_the_leg_until_ice_restarts(leg: Leg) -> None:
    keys = await leg.connect()
    leg.port.keep_house(now_ns() + int((CONSENT_SECONDS - 1) * 1e9))
    assert leg.told.events.empty()
    leg.port.keep_house(now_ns() + int((CONSENT_SECONDS + 1) * 1e9))
    assert await leg.told.next() == "consent expired"
    assert not leg.transport.send_rtp(packet(1))
    leg.browser.move()
    leg.browser.check(leg.negotiate(leg.browser))
    assert await leg.told.next() == "up"
    leg.transport.send_rtp(packet(2))
    assert keys.unprotect(await leg.browser.next(Kind.RTP)) == packet(2)


async def test_a_browser_that_says_goodbye_is_told_as_down(leg: Leg) -> None:
    await leg.connect()
    leg.browser.hang_up()
    assert await leg.told.next() == "closed by the peer"
