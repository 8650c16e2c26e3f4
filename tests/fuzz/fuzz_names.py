"""Whatever a DNS server answers, a target is located at no more places than a call may try, each of them an address and
a port that can be sent to; nothing is raised, and what is in one answer is not taken for that of another question.

An input is the server's answers in turn, cut at `//`; the identifier of each is that of the question."""

import asyncio
import ipaddress
from typing import Any

import dns.asyncresolver
import dns.message
import dns.nameserver
import dns.query
import dns.rrset

from signaling.carriers.names import DnsNames
from signaling.sip.reaching.locating import MAX_HOPS, Locator
from signaling.sip.reaching.targets import Target

CUT = b"//"
MAX_ANSWERS = 12
TARGETS = [Target.parse("x.test"), Target.parse("sip.x.test;transport=tls")]


def _answers(*records: tuple[str, str, str]) -> bytes:
    """A server's messages, each with one record: name, type, data."""
    messages = []
    for name, kind, text in records:
        answer = dns.message.make_response(dns.message.make_query(name, kind))
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, text))
        messages.append(answer.to_wire())
    return CUT.join(messages)


SEEDS: list[bytes] = [
    _answers(
        ("x.test.", "NAPTR", '10 5 "s" "SIP+D2T" "" _sip._tcp.x.test.'),
        ("_sip._tcp.x.test.", "SRV", "10 5 5080 one.x.test."),
        ("one.x.test.", "A", "192.0.2.1"),
        ("one.x.test.", "AAAA", "2001:db8::1"),
        ("_sips._tcp.sip.x.test.", "SRV", "10 5 0 192.0.2.7."),
    ),
    _answers(
        ("x.test.", "CNAME", "y.test."),
        ("_sip._udp.x.test.", "SRV", "0 65535 65535 ."),
        ("x.test.", "A", "127.0.0.1"),
    ),
]


class _Server(dns.nameserver.Nameserver):
    """Answers in turn, whatever it is asked."""

    def __init__(self, data: bytes) -> None:
        self._answers = data.split(CUT)[:MAX_ANSWERS]

    def __str__(self) -> str:
        return "fuzz"

    def kind(self) -> str:
        return "fuzz"

    def is_always_max_size(self) -> bool:
        return True

    def answer_nameserver(self) -> str:
        return "192.0.2.53"

    def answer_port(self) -> int:
        return 53

    async def async_query(
        self,
        request: dns.message.QueryMessage,
        timeout: float,
        source: str | None,
        source_port: int,
        max_size: bool,
        backend: Any,
        one_rr_per_rrset: bool = False,
        ignore_trailing: bool = False,
    ) -> dns.message.Message:
        if not self._answers:
            raise OSError("it is gone")
        wire = request.id.to_bytes(2, "big") + self._answers.pop(0)[2:]
        answer = dns.message.from_wire(wire, one_rr_per_rrset=one_rr_per_rrset, ignore_trailing=ignore_trailing)
        if not request.is_response(answer):
            raise dns.query.BadResponse
        return answer


def one_input(data: bytes) -> None:
    asyncio.run(_locate(data))


async def _locate(data: bytes) -> None:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [_Server(data)]
    locator = Locator(DnsNames(resolver), lambda: 0.5)
    for target in TARGETS:
        hops = await locator.locate(target, ("udp", "tcp", "tls"))
        assert len(hops) <= MAX_HOPS
        for hop in hops:
            assert ipaddress.ip_address(hop.address)
            assert 0 < hop.port < 65536
            assert hop.name == target.host


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
