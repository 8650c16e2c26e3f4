"""How the control plane is: for /health and for Prometheus. No tenant, number or name is in it."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from recorder.api import SpaceStatus
from signaling.house import House


class Status:
    """`missing` names the processes that are not connected; `counters` tells, by name, counts by kind; `spool` of
    the disk that recordings are held on."""

    def __init__(
        self,
        house: House,
        missing: Callable[[], list[str]],
        counters: Callable[[], Mapping[str, Mapping[str, int]]],
        spool: Callable[[], SpaceStatus] = SpaceStatus,
    ) -> None:
        self._house = house
        self._missing = missing
        self._counters = counters
        self._spool = spool
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._more: dict[str, Callable[[], object]] = {}
        self.draining = False

    def add(self, collector: Collector) -> None:
        """Figures of somebody else's."""
        self._registry.register(collector)

    def tell(self, name: str, value: Callable[[], object]) -> None:
        """What else /health says; it does not make the node a worse one."""
        self._more[name] = value

    def health(self) -> dict[str, object]:
        missing = self._missing()
        level = self._spool().level
        degraded = bool(missing) or level == "full"
        status = "draining" if self.draining else "degraded" if degraded else "ok"
        health = {"status": status, "missing": missing, "calls": len(self._house.live_contacts()), "spool": level}
        return health | {name: value() for name, value in self._more.items()}

    def metrics(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        contacts = GaugeMetricFamily("telephonist_contacts", "Live contacts by phase", labels=["phase"])
        live = [contact.phase for contact in self._house.live_contacts()]
        for phase in ("flow", "queue", "connected"):
            contacts.add_metric([phase], live.count(phase))
        yield contacts
        yield from self._agents()
        missing = GaugeMetricFamily("telephonist_processes_missing", "Workers and recorder that are not connected")
        missing.add_metric([], len(self._missing()))
        yield missing
        yield self._spool_bytes()
        for name, counts in self._counters().items():
            yield _counter(name, counts.items())

    def _spool_bytes(self) -> Metric:
        space = self._spool()
        family = GaugeMetricFamily("telephonist_spool_bytes", "Of the recordings' disk", labels=["part"])
        family.add_metric(["free"], space.free)
        family.add_metric(["total"], space.total)
        return family

    def _agents(self) -> Iterator[Metric]:
        agents = GaugeMetricFamily("telephonist_agents", "Agents who are signed in, by status", labels=["status"])
        statuses = [
            "on contact" if agent.assignment is not None else agent.status
            for center in self._house
            for agent in center.floor.agents.values()
            if agent.present
        ]
        for status in sorted(set(statuses)):
            agents.add_metric([status], statuses.count(status))
        yield agents


def _counter(name: str, counts: Iterable[tuple[str, int]]) -> Metric:
    family = CounterMetricFamily(f"telephonist_{name}", f"Counted since the start: {name}", labels=["kind"])
    for kind, count in counts:
        family.add_metric([kind], count)
    return family
