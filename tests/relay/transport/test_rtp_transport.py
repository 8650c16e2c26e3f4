"""An RTP leg's own ports: who is let through, and under which keys."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from relay.formats import Codec, SendFormat
from relay.lines import make_lines
from relay.offers.negotiation import Agreement
from relay.offers.sdes import Crypto
from relay.offers.securing import Security
from relay.streams.rtcp import Report
from relay.streams.rtp import RtpPacket, serialize
from relay.transport.address import Address
from relay.transport.dtls import new_certificate
from relay.transport.rtp_transport import RtpTransport, Traits
from relay.transport.srtp import SUITES, Srtp
from relay.transport.udp import Receive, UdpSocket, bind

HOST = "127.0.0.1"
SUITE = SUITES["AES_CM_128_HMAC_SHA1_80"]
RTCP = Report(5).serialize()


def packet(number: int) -> bytes:
    return serialize(RtpPacket(0, False, 1, number, number * 160, b"sound"))


class Ear:
    def __init__(self) -> None:
        self.told: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.lost: asyncio.Queue[str] = asyncio.Queue()
        self.renewals = 0

    def receive_rtp(self, data: bytes, arrival_ns: int) -> None:
        self.told.put_nowait(data)

    def receive_rtcp(self, data: bytes, arrival_ns: int) -> None:
        self.told.put_nowait(data)

    def discard(self, datagrams: int = 1) -> None:
        for _ in range(datagrams):
            self.told.put_nowait(None)

    def fault(self, error: Exception) -> None:
        raise error

    def renewed(self) -> None:
        self.renewals += 1

    def down(self, reason: str) -> None:
        self.lost.put_nowait(reason)


class Rig:
    """A transport, and the two ports of its peer."""

    def __init__(self, symmetric: bool = False) -> None:
        self.ear = Ear()
        self.lines = make_lines()
        pair = bind(HOST, 0), bind(HOST, 0)
        self.transport = RtpTransport(pair, self.lines, self.ear, new_certificate(), Traits(symmetric))
        self.got: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.rtp = UdpSocket(bind(HOST, 0), self._keep("rtp"))
        self.rtcp = UdpSocket(bind(HOST, 0), self._keep("rtcp"))
        self.to: Address = self.transport.address
        self.to_rtcp: Address = (HOST, self.transport.rtcp_port)
        pcmu = Codec("PCMU")
        self.agreed = Agreement(
            SendFormat(pcmu, 0), {0: pcmu}, "sendrecv", self.rtp.address, self.rtcp.address, rtcp_mux=False
        )

    def _keep(self, port: str) -> Receive:
        return lambda data, source, arrival: self.got.put_nowait((port, data))

    async def next(self) -> bytes | None:
        """What was let through; None for a datagram that was not."""
        async with asyncio.timeout(5):
            while self.ear.told.empty():
                self.lines.receive()
                await asyncio.sleep(0.001)
        return self.ear.told.get_nowait()

    def close(self) -> None:
        for each in (self.transport, self.rtp, self.rtcp):
            each.close()
        self.lines.shut()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    made.close()


async def test_rtp_and_rtcp_have_their_ports(rig: Rig) -> None:
    rig.transport.apply(rig.agreed)
    for sock, data, to, expected in (
        (rig.rtp, packet(1), rig.to, packet(1)),
        (rig.rtcp, RTCP, rig.to_rtcp, RTCP),
        (rig.rtp, RTCP, rig.to, None),
        (rig.rtcp, packet(1), rig.to_rtcp, None),
        (rig.rtp, RTCP, rig.to_rtcp, None),
        (rig.rtcp, packet(1), rig.to, None),
        (rig.rtp, b"\0\1" + bytes(18), rig.to, None),
    ):
        sock.send(data, to)
        assert await rig.next() == expected
    rig.transport.send_rtcp(RTCP)
    assert await rig.got.get() == ("rtcp", RTCP)


async def test_with_mux_both_share_the_first_port(rig: Rig) -> None:
    rig.transport.apply(replace(rig.agreed, rtcp_mux=True, remote_rtcp=rig.rtp.address))
    rig.rtp.send(RTCP, rig.to)
    assert await rig.next() == RTCP
    rig.rtcp.send(RTCP, rig.to_rtcp)
    assert await rig.next() is None
    rig.transport.send_rtcp(RTCP)
    assert await rig.got.get() == ("rtp", RTCP)


async def test_before_anything_is_agreed_nothing_passes(rig: Rig) -> None:
    rig.rtp.send(packet(1), rig.to)
    assert await rig.next() is None
    assert not rig.transport.send_rtp(packet(1))
    rig.transport.send_rtcp(RTCP)
    assert rig.got.empty()


async def test_keys_change_with_the_agreement_and_our_own_goes_on(rig: Rig) -> None:
    ours, first, second = (Crypto.generate(1, SUITE) for _ in range(3))
    secure = replace(rig.agreed, security=Security(ours, first))
    rig.transport.apply(secure)
    peer = Srtp.from_keys(SUITE, first.key, ours.key)
    rig.rtp.send(peer.protect(packet(1)), rig.to)
    assert await rig.next() == packet(1)
    rig.transport.apply(secure)  # said again: no new session, so a replay is still one
    rig.rtp.send(Srtp.from_keys(SUITE, first.key, ours.key).protect(packet(1)), rig.to)
    assert await rig.next() is None
    rig.transport.apply(replace(secure, security=Security(ours, second)))
    rig.rtp.send(peer.protect(packet(2)), rig.to)
    assert await rig.next() is None
    rekeyed = peer.with_peer_key(SUITE, ours.key)
    rig.transport.send_rtp(packet(7))
    rig.lines.flush()
    assert rekeyed.unprotect((await rig.got.get())[1]) == packet(7)
    rig.rtp.send(Srtp.from_keys(SUITE, second.key, ours.key).protect(packet(3)), rig.to)
    assert await rig.next() == packet(3)


NOWHERE = ("127.0.0.7", 9)
"""What the SDP of a peer behind a NAT says."""


@pytest.fixture
async def natted() -> AsyncIterator[Rig]:
    made = Rig(symmetric=True)
    made.transport.apply(replace(made.agreed, remote=NOWHERE, remote_rtcp=(NOWHERE[0], 10)))
    yield made
    made.close()


async def hear(rig: Rig, count: int) -> list[bytes | None]:
    return [await rig.next() for _ in range(count)]


async def test_a_peer_behind_a_nat_is_where_five_packets_come_from(natted: Rig) -> None:
    assert natted.transport.line is None
    assert natted.transport.send_rtp(packet(0))  # to where the SDP says, which nobody hears
    for number in range(1, 6):
        natted.rtp.send(packet(number), natted.to)
    assert await hear(natted, 5) == [packet(number) for number in range(1, 6)]
    assert natted.transport.line is not None
    natted.transport.send_rtp(packet(100))
    natted.lines.flush()
    async with asyncio.timeout(5):
        assert await natted.got.get() == ("rtp", packet(100))
    natted.rtcp.send(packet(9), natted.to)  # from another port than was learned
    natted.rtp.send(packet(6), natted.to)
    assert set(await hear(natted, 2)) == {None, packet(6)}


async def test_its_rtcp_may_come_from_any_port_of_its_host(natted: Rig) -> None:
    natted.rtcp.send(RTCP, natted.to_rtcp)
    assert await hear(natted, 1) == [None]
    for number in range(1, 6):
        natted.rtp.send(packet(number), natted.to)
    await hear(natted, 5)
    natted.rtcp.send(RTCP, natted.to_rtcp)
    assert await hear(natted, 1) == [RTCP]
    natted.transport.send_rtcp(RTCP)
    async with asyncio.timeout(5):
        assert await natted.got.get() == ("rtcp", RTCP)


async def test_what_was_learned_stays_until_the_sdp_changes_it(natted: Rig) -> None:
    for number in range(1, 6):
        natted.rtp.send(packet(number), natted.to)
    await hear(natted, 5)
    natted.transport.apply(replace(natted.agreed, remote=NOWHERE))
    natted.rtp.send(packet(6), natted.to)
    assert await hear(natted, 1) == [packet(6)]
    natted.transport.apply(replace(natted.agreed, remote=(NOWHERE[0], 12)))
    assert natted.transport.line is None
    for number in range(7, 12):
        natted.rtcp.send(packet(number), natted.to)
    assert await hear(natted, 5) == [packet(number) for number in range(7, 12)]


async def test_with_srtp_one_authentic_packet_is_enough_and_a_strangers_is_nothing(natted: Rig) -> None:
    ours, theirs, strange = SUITE.new_key(), SUITE.new_key(), SUITE.new_key()
    natted.transport.apply(
        replace(natted.agreed, remote=NOWHERE, security=Security(Crypto(1, SUITE, ours), Crypto(1, SUITE, theirs)))
    )
    peer, stranger = Srtp.from_keys(SUITE, theirs, ours), Srtp.from_keys(SUITE, strange, ours)
    for number in range(1, 7):
        natted.rtcp.send(stranger.protect(packet(number)), natted.to)
    assert await hear(natted, 6) == [None] * 6
    natted.rtp.send(peer.protect(packet(1)), natted.to)
    assert await hear(natted, 1) == [packet(1)]
    natted.rtp.send(peer.protect(packet(2)), natted.to)
    assert await hear(natted, 1) == [packet(2)]
