"""The names of the network by DNS, asked without holding the loop up, and remembered as long as their zones say."""

import asyncio
import contextlib
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import structlog

from signaling.sip.flow import Address, Transport
from signaling.sip.reaching.locating import Locator, Naptr, Srv
from signaling.sip.reaching.targets import Target

log = structlog.get_logger()

LIFETIME = 3.0
"""Seconds for one question, whatever the servers do."""
TRY = 1.0
"""Seconds for one server to answer before it, or the next one, is asked again."""
FAILURE_SECONDS = 5.0
"""How long a question that nobody answered is not asked again."""
MAX_REMEMBERED = 4096


class DnsNames:
    """signaling.sip.reaching.locating.Names. Answers, and their absence, are kept for the time that the zone gives."""

    def __init__(self, resolver: dns.asyncresolver.Resolver | None = None) -> None:
        self._resolver = resolver or _system_resolver()
        self._resolver.cache = dns.resolver.LRUCache(MAX_REMEMBERED)
        self._failures: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def naptr(self, name: str) -> Sequence[Naptr]:
        return [
            Naptr(record.order, record.preference, record.service.decode("ascii", "replace"), _text(record.replacement))
            for record in await self._ask(name, "NAPTR")
            if record.flags.lower() == b"s"
        ]

    async def srv(self, name: str) -> Sequence[Srv]:
        return [
            Srv(record.priority, record.weight, _text(record.target), record.port)
            for record in await self._ask(name, "SRV")
        ]

    async def addresses(self, name: str) -> Sequence[str]:
        """IPv4 first. A name without a dot is one of this machine's own network: the system is asked for it."""
        if "." not in name.rstrip("."):
            return await _of_system(name)
        four, six = await asyncio.gather(self._ask(name, "A"), self._ask(name, "AAAA"))
        return [str(record.address) for record in (*four, *six)]

    async def _ask(self, name: str, kind: str) -> Sequence[Any]:
        question = (name.lower(), kind)
        if self._failures.get(question, 0.0) > time.monotonic():
            return ()
        try:
            absolute = dns.name.from_text(name)
            answer = await self._resolver.resolve(absolute, kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return ()
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            log.warning("! name not resolved", type=kind, error=type(error).__name__)
            self._remember_failure(question)
            return ()
        return tuple(answer.rrset or ())

    def _remember_failure(self, question: tuple[str, str]) -> None:
        self._failures[question] = time.monotonic() + FAILURE_SECONDS
        if len(self._failures) > MAX_REMEMBERED:
            self._failures.popitem(last=False)


def resolve_by(locator: Locator) -> Callable[[Target], Awaitable[list[tuple[Transport, Address]]]]:
    """Where registrations and OPTIONS of a target go: to the same places as its calls. By TLS its name stands for the
    address, since that is what its certificate shows. The function raises OSError."""

    async def resolve(target: Target) -> list[tuple[Transport, Address]]:
        hops = await locator.locate(target, ("udp", "tcp", "tls"))
        if not hops:
            raise OSError("the name leads nowhere")
        found = [(hop.transport, (hop.name if hop.transport == "tls" else hop.address, hop.port)) for hop in hops]
        return list(dict.fromkeys(found))

    return resolve


def _system_resolver() -> dns.asyncresolver.Resolver:
    try:
        resolver = dns.asyncresolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.timeout, resolver.lifetime = TRY, LIFETIME
    return resolver


def _text(name: dns.name.Name) -> str:
    """Without the dot at the end; the root itself is "."."""
    return name.to_text(omit_final_dot=True) or "."


async def _of_system(name: str) -> list[str]:
    with contextlib.suppress(OSError, UnicodeError):
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        return [str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0] != socket.AF_INET)]
    return []
