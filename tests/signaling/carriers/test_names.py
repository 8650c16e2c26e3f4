"""Names asked of a small DNS server of our own on loopback, that loses part of what it gets."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.asyncresolver
import dns.message
import dns.rcode
import dns.rrset
import pytest

from signaling.carriers.names import DnsNames, resolve_by
from signaling.sip.reaching.locating import Hop, Locator, Naptr, Srv
from signaling.sip.reaching.targets import Target

ZONE = {
    ("x.test.", "NAPTR"): (
        '10 5 "s" "SIP+D2T" "" _sip._tcp.x.test.',
        '10 1 "u" "E2U+sip" "!^.*$!sip:x@y!" .',
    ),
    ("_sip._tcp.x.test.", "SRV"): ("10 5 5080 one.x.test.", "20 0 5081 two.x.test."),
    ("one.x.test.", "A"): ("192.0.2.1",),
    ("one.x.test.", "AAAA"): ("2001:db8::1",),
    ("two.x.test.", "A"): ("192.0.2.2",),
}
SOA = "ns.test. root.test. 1 60 60 60 60"


class DnsServer(asyncio.DatagramProtocol):
    def __init__(self, loss: float, seed: int = 1) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.ttl = 60
        self._loss, self._random = loss, random.Random(seed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        [question] = query.question
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        if self._random.random() < self._loss:
            return
        answer = dns.message.make_response(query)
        if (name, kind) in ZONE:
            answer.answer.append(dns.rrset.from_text(name, self.ttl, "IN", kind, *ZONE[name, kind]))
        else:
            known = any(name == other for other, _ in ZONE)
            answer.set_rcode(dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN)
            answer.authority.append(dns.rrset.from_text("test.", self.ttl, "IN", "SOA", SOA))
        self._transport.sendto(answer.to_wire(), address)


@asynccontextmanager
async def a_server(loss: float = 0.0, lifetime: float = 5.0) -> AsyncIterator[tuple[DnsServer, DnsNames]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: DnsServer(loss), ("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    resolver.timeout, resolver.lifetime = 0.05 if loss else lifetime, lifetime
    try:
        yield server, DnsNames(resolver)
    finally:
        transport.close()


async def test_a_host_is_located_though_a_third_of_the_questions_is_lost() -> None:
    async with a_server(loss=0.33) as (_, names):
        hops = await Locator(names, lambda: 0.0).locate(Target.parse("x.test"), ("udp", "tcp"))
        assert hops == [
            Hop("tcp", "192.0.2.1", 5080, "x.test"),
            Hop("tcp", "2001:db8::1", 5080, "x.test"),
            Hop("tcp", "192.0.2.2", 5081, "x.test"),
        ]


async def test_registrations_go_where_calls_go_and_by_tls_to_the_name() -> None:
    async with a_server() as (_, names):
        resolve = resolve_by(Locator(names, lambda: 0.0))
        first = ("tcp", ("192.0.2.1", 5080))
        assert (await resolve(Target.parse("x.test")))[0] == first
        assert await resolve(Target.parse("one.x.test;transport=tls")) == [("tls", ("one.x.test", 5061))]
        with pytest.raises(OSError, match="nowhere"):
            await resolve(Target.parse("none.test"))


async def test_records_are_read_as_they_are() -> None:
    async with a_server() as (_, names):
        assert await names.naptr("x.test") == [Naptr(10, 5, "SIP+D2T", "_sip._tcp.x.test")]  # of other services none
        assert sorted(await names.srv("_sip._tcp.x.test"), key=str) == [
            Srv(10, 5, "one.x.test", 5080), Srv(20, 0, "two.x.test", 5081)
        ]  # fmt: skip


async def test_answers_and_their_absence_are_remembered_as_long_as_the_zone_says() -> None:
    async with a_server() as (server, names):
        for _ in range(3):
            assert await names.addresses("two.x.test") == ["192.0.2.2"]
            assert await names.srv("_sip._udp.none.test") == []
        assert (server.asked["two.x.test.", "A"], server.asked["two.x.test.", "AAAA"]) == (1, 1)
        assert server.asked["_sip._udp.none.test.", "SRV"] == 1
    async with a_server() as (server, names):
        server.ttl = 0
        for _ in range(2):
            await names.addresses("two.x.test")
        assert server.asked["two.x.test.", "A"] == 2


async def test_a_server_that_is_silent_costs_one_wait_and_holds_nobody_up() -> None:
    async with a_server(loss=1.0, lifetime=0.3) as (server, names):
        turns = 0
        asking = asyncio.ensure_future(names.srv("_sip._udp.x.test"))
        while not asking.done():
            turns += 1
            await asyncio.wait([asking], timeout=0.01)
        assert (await asking, turns > 3) == ([], True)
        asked = server.asked.total()
        assert asked > 1
        assert await names.srv("_sip._udp.x.test") == [] and server.asked.total() == asked


@pytest.mark.parametrize("name", ["a" * 70 + ".test", "a..b.test", "\u00fc" * 70 + ".test", "." * 300])
async def test_what_is_no_name_has_no_address(name: str) -> None:
    async with a_server() as (_, names):
        assert list(await names.addresses(name)) == []


async def test_this_machine_s_own_names_are_asked_of_the_system() -> None:
    async with a_server() as (server, names):
        assert "127.0.0.1" in await names.addresses("localhost")
        assert server.asked.total() == 0
