"""Where a target is reached: transport, address and port, best first (RFC 3263 §4, RFC 2782)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from signaling.sip.flow import Transport
from signaling.sip.messages.uri import parse_address
from signaling.sip.reaching.targets import Target

PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
MAX_HOPS = 16
"""Of one target: a call is not tried at more, whatever the names say."""
_SERVICES: dict[str, Transport] = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
_PREFIXES: dict[Transport, str] = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}


@dataclass(frozen=True, slots=True)
class Naptr:
    """RFC 2915."""

    order: int
    preference: int
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    priority: int
    weight: int
    host: str
    port: int


class Names(Protocol):
    """The names of the network. Nothing is raised: what cannot be learnt is not there."""

    async def naptr(self, name: str) -> Sequence[Naptr]: ...

    async def srv(self, name: str) -> Sequence[Srv]: ...

    async def addresses(self, name: str) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Hop:
    """One place that a call may be sent to."""

    transport: Transport
    address: str
    port: int
    name: str
    """The host of the target: what its certificate must name (RFC 5922 §4)."""


class Locator:
    def __init__(self, names: Names, draw: Callable[[], float]) -> None:
        """`draw` gives numbers from 0 to below 1, which share the load by weight."""
        self._names = names
        self._draw = draw

    async def locate(self, target: Target, allowed: Sequence[Transport]) -> list[Hop]:
        """Hops with one of the allowed transports, best first; none if the names do not say."""
        transport = target.transport
        if transport is None and (target.port is not None or parse_address(target.host) is not None):
            transport = "udp" if "udp" in allowed else next(iter(allowed), None)
        if transport is not None and transport not in allowed:
            return []
        if parse_address(target.host) is not None and transport is not None:
            return [Hop(transport, target.host, target.port or PORTS[transport], target.host)]
        if transport is not None and target.port is not None:
            return await self._at(target.host, transport, target.port, target)
        services = [(transport, _PREFIXES[transport] + target.host)] if transport is not None else None
        return await self._by_services(target, services or await self._services(target.host, allowed), allowed)

    async def _services(self, host: str, allowed: Sequence[Transport]) -> list[tuple[Transport, str]]:
        """Transports in the order that the host wants, each with the name of its SRV records (§4.1)."""
        records = sorted(await self._names.naptr(host), key=lambda record: (record.order, record.preference))
        known = [(_SERVICES.get(record.service.upper()), record.replacement) for record in records]
        named = [(transport, name) for transport, name in known if transport is not None and transport in allowed]
        return named or [(transport, _PREFIXES[transport] + host) for transport in allowed]

    async def _by_services(
        self, target: Target, services: Sequence[tuple[Transport, str]], allowed: Sequence[Transport]
    ) -> list[Hop]:
        hops: list[Hop] = []
        has_records = False
        for transport, name in services:
            records = await self._names.srv(name)
            has_records = has_records or bool(records)
            for record in order(records, self._draw):
                hops += await self._at(record.host, transport, record.port, target)
                if len(hops) >= MAX_HOPS:
                    return hops[:MAX_HOPS]
        if has_records:
            return hops  # also none: the host may say by "." that there is no such service
        # No SRV record (§4.2): the host itself, by the transport that is wanted, or UDP.
        transport = target.transport or ("udp" if "udp" in allowed else allowed[0])
        return await self._at(target.host, transport, target.port or PORTS[transport], target)

    async def _at(self, host: str, transport: Transport, port: int, target: Target) -> list[Hop]:
        known = parse_address(host)
        addresses = [known] if known is not None else await self._names.addresses(host)
        return [Hop(transport, address, port, target.host) for address in addresses][:MAX_HOPS]


def order(records: Sequence[Srv], draw: Callable[[], float]) -> list[Srv]:
    """By priority, and within one by lot, each as often first as its weight asks for (RFC 2782). A host of "." says
    that there is no such service, and to port 0 nothing can be sent."""
    ordered: list[Srv] = []
    for priority in sorted({record.priority for record in records}):
        # Those of weight 0 stand first, so that they are drawn seldom, but are drawn.
        left = sorted((record for record in records if record.priority == priority), key=lambda record: record.weight)
        while left:
            ordered.append(left.pop(_drawn(left, draw())))
    return [record for record in ordered if record.host not in ("", ".") and record.port]


def _drawn(records: Sequence[Srv], lot: float) -> int:
    total = sum(record.weight for record in records)
    mark, running = int(lot * (total + 1)), 0
    for index, record in enumerate(records):
        running += record.weight
        if running >= mark:
            return index
    raise AssertionError("the last one reaches the total")


class Unreachable:
    """Hops that did not answer lately: they are passed over for a while."""

    def __init__(self, seconds: float = 30.0) -> None:
        self._seconds = seconds
        self._until: dict[Hop, float] = {}

    def mark(self, hop: Hop, now: float) -> None:
        self._until = {known: until for known, until in self._until.items() if until > now}
        self._until[hop] = now + self._seconds

    def clear(self, hop: Hop) -> None:
        """It has answered."""
        self._until.pop(hop, None)

    def is_down(self, hop: Hop, now: float) -> bool:
        """Whether it is to be passed over."""
        return self._until.get(hop, now) > now
