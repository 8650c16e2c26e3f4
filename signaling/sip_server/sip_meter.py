"""What is said over SIP, for Prometheus: by trunk, side, method and status. Trunks go by their opaque ids."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from signaling.carriers.trunks import Trunks
from signaling.sip.tracing.tally import Said

NOBODY = "none"
"""The label of strangers and phones."""


class SipMeter(Collector):
    def __init__(self, trunks: Trunks, answers: Callable[[], Mapping[Said, int]]) -> None:
        """`answers`: signaling.sip.agent.UserAgent.answers."""
        self._trunks = trunks
        self._answers = answers

    def collect(self) -> Iterator[Metric]:
        answers = CounterMetricFamily(
            "telephonist_sip_answers",
            "Final answers to SIP requests, by who asked",
            labels=["trunk", "side", "method", "status"],
        )
        counts: Counter[tuple[str, str, str, str]] = Counter()
        for said, count in self._answers().items():
            counts[self._label(said.trunk), said.side, said.method, str(said.status)] += count
        for labels, count in counts.items():
            answers.add_metric(labels, count)
        yield answers
        yield from self._collect_limits()

    def _collect_limits(self) -> Iterator[Metric]:
        calls = GaugeMetricFamily("telephonist_trunk_calls", "Calls of a trunk now", labels=["trunk"])
        for name, _ in self._trunks:
            if self._trunks.id_of(name):
                calls.add_metric([self._trunks.id_of(name)], self._trunks.limits.running(name))
        yield calls
        refused = CounterMetricFamily(
            "telephonist_trunk_calls_refused", "Calls beyond the limits of a trunk", labels=["trunk", "limit"]
        )
        for (name, limit), count in self._trunks.limits.refused.items():
            refused.add_metric([self._label(name), limit], count)
        yield refused

    def _label(self, name: str) -> str:
        return self._trunks.id_of(name) or NOBODY
