"""DTLS-SRTP on an RTP leg's own ports, without ICE: two of our transports call each other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from relay.lines import Lines, make_lines
from relay.offers.audio import Fingerprint
from relay.offers.negotiation import Agreement
from relay.offers.negotiator import RtpNegotiator
from relay.offers.securing import Keying
from relay.streams.rtcp import Report
from relay.streams.rtp import RtpPacket, parse, serialize
from relay.transport.dtls import FAILED, new_certificate
from relay.transport.rtp_transport import RtpTransport, Traits
from relay.transport.udp import UdpSocket, bind
from tests.relay.transport.test_rtp_transport import Ear

HOST = "127.0.0.1"
RTCP = Report(5).serialize()


KNOWN, CALLING, NATTED = Traits(), Traits(offers_dtls=True), Traits(symmetric=True)
BY_DTLS = Keying(keys="dtls")


def packet(number: int) -> bytes:
    return serialize(RtpPacket(0, False, 1, number, number * 160, b"sound"))


class End:
    """One side of a call."""

    def __init__(self, lines: Lines, traits: Traits = KNOWN, keying: Keying = BY_DTLS) -> None:
        self.lines = lines
        self.ear = Ear()
        certificate = new_certificate()
        self.transport = RtpTransport((bind(HOST, 0), bind(HOST, 0)), lines, self.ear, certificate, traits)
        self.negotiator = RtpNegotiator(
            self.transport.address, self.transport.rtcp_port, ("PCMU",), keying, certificate.fingerprint
        )
        self.agreed: Agreement | None = None

    def apply(self, agreement: Agreement) -> None:
        self.agreed = agreement
        self.transport.apply(agreement)

    async def next(self) -> bytes:
        """What was let through next."""
        async with asyncio.timeout(10):
            while True:
                while self.ear.told.empty():
                    self.lines.receive()
                    await asyncio.sleep(0.001)
                if (told := self.ear.told.get_nowait()) is not None:
                    return told


Say = Callable[[str], str]


def call(caller: End, called: End, rewrite: Say = lambda sdp: sdp) -> None:
    """An offer and its answer; `rewrite` is what is on the way."""
    agreement = called.negotiator.answer(rewrite(caller.negotiator.offer().sdp))
    called.apply(agreement)
    caller.apply(caller.negotiator.take_answer(rewrite(agreement.sdp)))


async def talk(sender: End, listener: End, number: int = 1) -> None:
    """Sends until something is heard: before the handshake is done, it is lost."""

    async def send() -> None:
        count = number
        while True:
            sender.transport.send_rtp(packet(count))
            sender.lines.flush()
            count += 1
            await asyncio.sleep(0.005)

    sending = asyncio.get_running_loop().create_task(send())
    try:
        assert parse(await listener.next()).payload == b"sound"
    finally:
        sending.cancel()


@pytest.fixture
async def lines() -> AsyncIterator[Lines]:
    made = make_lines()
    yield made
    made.shut()


@pytest.fixture
async def ends(lines: Lines) -> AsyncIterator[list[End]]:
    made: list[End] = []
    yield made
    for end in made:
        end.transport.close()
    await asyncio.sleep(0)


def without_mux(sdp: str) -> str:
    return sdp.replace("a=rtcp-mux\r\n", "")


def begun_by_caller(sdp: str) -> str:
    return sdp.replace("a=setup:actpass", "a=setup:active")


def begun_by_called(sdp: str) -> str:
    return sdp.replace("a=setup:actpass", "a=setup:passive")


@pytest.mark.parametrize("rewrite", [lambda sdp: sdp, without_mux, begun_by_caller, begun_by_called])
async def test_sound_and_reports_go_both_ways_under_the_keys_of_the_handshake(
    lines: Lines, ends: list[End], rewrite: Say
) -> None:
    caller, called = End(lines, CALLING), End(lines)
    ends += caller, called
    call(caller, called, rewrite)
    assert caller.agreed is not None and called.agreed is not None
    assert caller.agreed.rtcp_mux == called.agreed.rtcp_mux == (rewrite is not without_mux)
    await talk(caller, called)
    await talk(called, caller)
    assert caller.transport.line is not None and called.transport.line is not None
    for sender, listener in ((caller, called), (called, caller)):
        while True:  # RTCP that has its own port has its own handshake, which may take longer
            sender.transport.send_rtcp(RTCP)
            await asyncio.sleep(0.005)
            lines.receive()
            heard = [listener.ear.told.get_nowait() for _ in range(listener.ear.told.qsize())]
            if RTCP in heard:
                break


async def test_nothing_goes_in_clear_and_nothing_clear_is_heard(lines: Lines, ends: list[End]) -> None:
    caller, called = End(lines, CALLING), End(lines)
    ends += caller, called
    call(caller, called)
    for end, other in ((caller, called), (called, caller)):
        assert not end.transport.send_rtp(packet(1))
        end.transport.send_rtcp(RTCP)
        other.transport._send(packet(2), end.transport.address)  # in clear, from the right address
    await talk(caller, called)
    assert called.ear.told.empty()


async def test_who_shows_another_certificate_is_not_heard_and_the_leg_is_told(lines: Lines, ends: list[End]) -> None:
    caller, called = End(lines, CALLING), End(lines)
    ends += caller, called
    agreement = called.negotiator.answer(caller.negotiator.offer().sdp)
    handshake = agreement.security.handshake
    assert handshake is not None
    wrong = replace(handshake, fingerprints=(Fingerprint("sha-256", ":".join(["AB"] * 32)),))
    called.apply(replace(agreement, security=replace(agreement.security, handshake=wrong)))
    caller.apply(caller.negotiator.take_answer(agreement.sdp))
    assert await asyncio.wait_for(called.ear.lost.get(), 10) == FAILED
    assert not called.transport.send_rtp(packet(1))


async def test_a_hold_by_zeros_keeps_the_association(lines: Lines, ends: list[End]) -> None:
    caller, called = End(lines, CALLING), End(lines)
    ends += caller, called
    call(caller, called)
    await talk(caller, called)
    await talk(called, caller, 500)
    offer = caller.negotiator.offer().sdp
    called.apply(called.negotiator.answer(offer.replace(f"IP4 {HOST}", "IP4 0.0.0.0")))
    assert not called.transport.send_rtp(packet(1))
    call(caller, called)
    assert (caller.ear.renewals, called.ear.renewals) == (1, 1)
    assert called.transport.send_rtp(packet(600))
    lines.flush()
    assert parse(await caller.next()).sequence == 600


async def test_a_new_certificate_brings_new_keys_and_the_old_ones_hold_until_then(
    lines: Lines, ends: list[End]
) -> None:
    """As behind a B2BUA that sends the call on: another peer, the same dialog."""
    first, called, second = End(lines, CALLING), End(lines), End(lines, CALLING)
    ends += first, called, second
    call(first, called)
    await talk(first, called)
    agreement = called.negotiator.answer(second.negotiator.offer().sdp)
    called.apply(agreement)
    assert called.transport.line is None
    assert called.transport.send_rtp(packet(1))  # under keys that only the first can have
    second.apply(second.negotiator.take_answer(agreement.sdp))
    await talk(second, called)
    await talk(called, second, 500)
    assert called.ear.renewals == 2
    assert first.ear.told.empty()


async def test_a_peer_behind_a_nat_is_where_it_begins_the_handshake(lines: Lines, ends: list[End]) -> None:
    caller, called = End(lines, CALLING), End(lines, NATTED)
    ends += caller, called
    nowhere = f"m=audio {caller.transport.address[1]} ", "m=audio 9 "
    agreement = called.negotiator.answer(caller.negotiator.offer().sdp.replace(*nowhere))
    called.apply(agreement)
    stranger = UdpSocket(bind(HOST, 0), lambda data, source, arrival: None)
    for hello in (b"\x16\xfe\xff" + bytes(40), packet(1), RTCP, bytes(20)):
        stranger.send(hello, called.transport.address)
    caller.apply(caller.negotiator.take_answer(agreement.sdp))
    await talk(caller, called)
    await talk(called, caller, 500)
    stranger.close()
    assert called.ear.lost.empty()


async def test_a_call_in_clear_goes_on_with_dtls_and_back(lines: Lines, ends: list[End]) -> None:
    plain = Keying("offered")
    caller, called = End(lines, keying=Keying("off")), End(lines, keying=plain)
    ends += caller, called
    call(caller, called)
    await talk(caller, called)
    secure = End(lines, CALLING)
    ends.append(secure)
    call(secure, called)
    assert not called.transport.send_rtp(packet(1))
    await talk(secure, called)
    again = End(lines, keying=Keying("off"))
    ends.append(again)
    call(again, called)
    await talk(again, called)
    await talk(called, again, 500)


async def test_a_handshake_begins_anew_when_the_roles_change(lines: Lines, ends: list[End]) -> None:
    caller, called = End(lines, CALLING), End(lines)
    ends += caller, called
    called.apply(called.negotiator.answer(caller.negotiator.offer().sdp))
    called.apply(called.negotiator.answer(begun_by_called(caller.negotiator.offer().sdp)))  # said anew, other role
    caller.apply(caller.negotiator.take_answer(called.agreed.sdp if called.agreed else ""))
    await talk(caller, called)
