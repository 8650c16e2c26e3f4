"""The shell of `signaling.sip.reaching.upstream`: looks up where trunks are, registers and asks there, and tells of it.

What a name stands for is looked up again and again: a carrier moves without telling anybody.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from signaling.carriers.trunks import Trunks
from signaling.center.audit import AuditEvent, Outcome
from signaling.center.resources import Tenant, Trunk
from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.flow import Address, Flow, Transport
from signaling.sip.messages.uri import Uri, format_host, parse_address
from signaling.sip.reaching.pulse import Watch
from signaling.sip.reaching.targets import Target
from signaling.sip.reaching.upstream import RegistrationChanged, Upstream, UpstreamNews
from signaling.sip.registering.registrant import Enrolment, Standing

log = structlog.get_logger()

LOOK_UP_SECONDS = 300.0
"""Between two look-ups of a name,"""
RETRY_SECONDS = 30.0
"""or after one that failed."""
FAREWELL_SECONDS = 3.0
"""For registrars to hear that we leave."""

Resolve = Callable[[Target], Awaitable[list[tuple[Transport, Address]]]]
"""Where a target is, best first; a TLS target keeps its name, which its certificate is to show. Raises OSError."""


class Server(Protocol):
    """`signaling.sip_server.sip_io.SipServer` in the live server."""

    @property
    def upstream(self) -> Upstream: ...

    @property
    def now(self) -> float: ...

    def get_local(self, transport: Transport, remote: Address) -> Address: ...

    def flush(self) -> None: ...


async def look_up(target: Target) -> list[tuple[Transport, Address]]:
    """By the machine's resolver, without blocking the loop."""
    transport: Transport = target.transport or "udp"
    port = target.port or (5061 if transport == "tls" else 5060)
    if transport == "tls":
        return [(transport, (target.host, port))]
    return [(transport, (host, port)) for host in await _addresses(target.host)]


async def _addresses(host: str) -> list[str]:
    if parse_address(host) is not None:
        return [host]
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Uplinks(Collector):
    """`start` once the server listens; `close` before it stops."""

    def __init__(
        self,
        trunks: Trunks,
        tenants: dict[str, Tenant],
        audit: Callable[[Tenant, AuditEvent], None],
        clock: Callable[[], float],
        resolve: Resolve = look_up,
    ) -> None:
        """`tenants`: by instance."""
        self._trunks = trunks
        self._tenants = tenants
        self._audit = audit
        self._clock = clock
        self._resolve = resolve
        self._server: Server
        self._tasks: list[asyncio.Task[None]] = []
        self._watched: dict[str, set[Flow]] = {}
        self._numbers: dict[tuple[str, Address], int] = {}
        """Which of its trunk's targets an address is of."""
        self._left = asyncio.Event()

    def start(self, server: Server) -> None:
        self._server = server
        for name, trunk in self._trunks:
            if trunk.registration is not None or trunk.options_seconds or trunk.outbound is not None:
                self._tasks.append(asyncio.create_task(self._follow(name, trunk)))

    async def close(self) -> None:
        """Takes registrations back, and waits a little for the registrars to know."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server.upstream.leave(self._server.now)
        self._server.flush()
        if not self._server.upstream.has_left:
            try:
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._left.wait()
            except TimeoutError:
                log.warning("x a registrar was not told that we leave")

    def is_up(self, trunk: str, target: Address) -> bool:
        """Whether calls may be sent there: everywhere but where OPTIONS has shown that nobody takes any."""
        return self._server.upstream.is_up(trunk, target)

    @property
    def down(self) -> int:
        """Trunks that have a registration which is not in force, or no target that is up."""
        upstream = self._server.upstream
        lost = {one.enrolment.trunk for one in upstream.registrants if one.standing is not Standing.REGISTERED}
        pulses: dict[str, list[bool]] = {}
        for pulse in upstream.pulses:
            pulses.setdefault(pulse.watch.trunk, []).append(pulse.up is not False)
        return len(lost | {trunk for trunk, up in pulses.items() if not any(up)})

    def list_trunks(self, tenant: Tenant) -> list[dict[str, object]]:
        """The trunks of an instance, and how they are: for its own people."""
        prefix, upstream = f"{tenant.instance}/", self._server.upstream
        return [
            {
                "Name": trunk.name,
                "Id": self._trunks.id_of(name),
                "Calls": self._trunks.limits.running(name),
                "Registrations": [
                    {"Registrar": one.enrolment.name, "State": one.standing.value, "Status": one.status}
                    for one in upstream.registrants
                    if one.enrolment.trunk == name
                ],
                "Targets": [
                    {"Address": _place(pulse.watch.flow.remote), "Up": pulse.up, "Status": pulse.status}
                    for pulse in upstream.pulses
                    if pulse.watch.trunk == name
                ],
            }
            for name, trunk in self._trunks
            if name.startswith(prefix) and self._trunks.id_of(name)
        ]

    def on_news(self, news: UpstreamNews) -> None:
        tenant = self._tenants.get(self._trunks.instance_of(news.trunk))
        name = news.trunk.partition("/")[2]
        if isinstance(news, RegistrationChanged):
            if self._server.upstream.has_left:
                self._left.set()
            good, state = news.standing is Standing.REGISTERED, news.standing.value
            good = good or news.standing is Standing.ENDED
            action, detail = "RegisterAtTrunk", {"registrar": news.registrar, "state": state}
        else:
            good, state = news.up, "up" if news.up else "down"
            action, detail = "AskTrunk", {"target": _place(news.target), "state": state}
        log.log(
            logging.INFO if good else logging.WARNING,
            "= trunk",
            trunk=news.trunk,
            action=action,
            state=state,
            status=news.status,
        )
        if tenant is not None:
            detail["status"] = str(news.status)
            source = detail.get("registrar") or detail["target"]
            outcome: Outcome = "allowed" if good else "refused"
            self._audit(tenant, AuditEvent(self._clock(), "", source, action, f"trunk/{name}", outcome, {**detail}))

    def collect(self) -> Iterator[Metric]:
        registered = GaugeMetricFamily(
            "telephonist_trunk_registered", "Whether a trunk's registrar has us", labels=["trunk", "registrar"]
        )
        for one in self._server.upstream.registrants:
            trunk = self._trunks.named(one.enrolment.trunk)
            if trunk is not None and trunk.registration is not None:
                place = trunk.registration.registrars.index(one.enrolment.name) + 1
                labels = [self._trunks.id_of(one.enrolment.trunk), str(place)]
                registered.add_metric(labels, one.standing is Standing.REGISTERED)
        yield registered
        yield self._collect_targets()

    def _collect_targets(self) -> Metric:
        family = GaugeMetricFamily(
            "telephonist_trunk_target_up", "Whether a trunk's target answers OPTIONS", labels=["trunk", "target"]
        )
        up: dict[tuple[str, int], bool] = {}
        for pulse in self._server.upstream.pulses:
            if pulse.up is not None:
                trunk, place = pulse.watch.trunk, self._numbers.get((pulse.watch.trunk, pulse.watch.flow.remote), 0)
                up[trunk, place] = up.get((trunk, place), False) or pulse.up
        for (name, place), value in up.items():
            family.add_metric([self._trunks.id_of(name), str(place)], value)
        return family

    async def _follow(self, name: str, trunk: Trunk) -> None:
        while True:
            complete = await self._look(name, trunk)
            await asyncio.sleep(LOOK_UP_SECONDS if complete else RETRY_SECONDS)

    async def _look(self, name: str, trunk: Trunk) -> bool:
        """Whether every name was found."""
        registrars = trunk.registration.registrars if trunk.registration is not None else ()
        targets = trunk.outbound.targets if trunk.outbound is not None else ()
        texts = tuple(dict.fromkeys((*registrars, *targets)))
        found = {text: await self._find(name, text) for text in texts}
        hosts = {text: await self._hosts(flows) for text, flows in found.items()}
        self._trunks.learn(
            name,
            frozenset(host for text in registrars for host in hosts[text]),
            frozenset(host for text in targets for host in hosts[text]),
        )
        for text in registrars:
            self._enroll(name, trunk, text, tuple(found[text]))
        if trunk.options_seconds:
            self._watch(name, trunk, found)
        self._server.flush()
        return all(found.values())

    async def _find(self, name: str, text: str) -> list[Flow]:
        try:
            places = await self._resolve(Target.parse(text))
        except (OSError, ParseError, UnicodeError) as error:
            log.warning("x trunk's address not found", trunk=name, error=type(error).__name__)
            return []
        return [Flow(transport, self._server.get_local(transport, remote), remote) for transport, remote in places]

    async def _hosts(self, flows: list[Flow]) -> set[str]:
        """The hosts of flows, and the addresses that their names stand for."""
        hosts = {flow.remote[0] for flow in flows}
        for host in list(hosts):
            try:
                hosts.update(await _addresses(host))
            except (OSError, UnicodeError):
                continue  # a TLS connection by that name will say so
        return hosts

    def _enroll(self, name: str, trunk: Trunk, text: str, flows: tuple[Flow, ...]) -> None:
        registration = trunk.registration
        if registration is None:
            raise AssertionError("only trunks with a registration get here")
        domain = registration.domain or format_host(Target.parse(text).host)
        try:
            registrar, address = Uri("sip", "", domain), Uri("sip", trunk.username, domain)
        except ValueRefused:
            log.error("! trunk cannot register", trunk=name)
            return
        contact = self._trunks.id_of(name) or trunk.username
        enrolment = Enrolment(name, text, registrar, address, contact, registration.expires)
        self._server.upstream.enroll(enrolment, flows, self._server.now)

    def _watch(self, name: str, trunk: Trunk, found: dict[str, list[Flow]]) -> None:
        wanted: set[Flow] = set()
        for place, flows in enumerate(found.values(), 1):
            for flow in flows:
                self._numbers[name, flow.remote] = place
                self._server.upstream.watch(Watch(name, flow, float(trunk.options_seconds)), self._server.now)
                wanted.add(flow)
        for gone in self._watched.get(name, set()) - wanted:
            self._server.upstream.unwatch(name, gone)
        self._watched[name] = wanted


def _place(address: Address) -> str:
    return f"{format_host(address[0])}:{address[1]}"
