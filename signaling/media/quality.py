"""How the legs of all workers sound, for Prometheus and for contact records. No tenant, number or name is in it."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from relay.api import Events, Flow, LegReport, MediaAlarm, Quality
from signaling.center.record import QualityInfo
from signaling.center.sound import Side

SCORES = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.2, 4.5)
"""Upper bounds of the histogram of mean opinion scores."""


class QualityMeter:
    """Told the events of the workers; an alarm ends with its leg, or with the worker that it was on."""

    def __init__(self) -> None:
        self._raised: dict[str, tuple[str, str]] = {}
        """Leg -> its worker and its alarm."""
        self._counts: Counter[str] = Counter()
        self._scores: dict[str, Counter[float]] = {"received": Counter(), "sent": Counter()}
        self._sums = {"received": 0.0, "sent": 0.0}

    def take(self, worker: str, event: Events) -> None:
        if isinstance(event, MediaAlarm):
            self._alarm(worker, event)
        elif isinstance(event, Quality):
            self._score("received", event.received)
            self._score("sent", event.sent)

    def worker_lost(self, worker: str) -> None:
        self._raised = {leg: raised for leg, raised in self._raised.items() if raised[0] != worker}

    def collect(self) -> Iterator[Metric]:
        now = GaugeMetricFamily("telephonist_media_alarms", "Legs with an alarm, by alarm", labels=["alarm"])
        ever = CounterMetricFamily("telephonist_media_alarms_raised", "Alarms raised since the start", labels=["alarm"])
        raised = Counter(alarm for _, alarm in self._raised.values())
        for alarm in ("no_media", "one_way", "silence"):
            now.add_metric([alarm], raised[alarm])
            ever.add_metric([alarm], self._counts[alarm])
        yield now
        yield ever
        text = "Mean opinion scores (E-model) of legs, each over 5 s, by direction"
        scores = HistogramMetricFamily("telephonist_mos", text, labels=["direction"])
        for direction, counts in self._scores.items():
            buckets = [(str(bound), sum(n for score, n in counts.items() if score <= bound)) for bound in SCORES]
            scores.add_metric([direction], [*buckets, ("+Inf", counts.total())], self._sums[direction])
        yield scores

    def _alarm(self, worker: str, event: MediaAlarm) -> None:
        if event.on:
            self._counts[event.alarm] += 1
            self._raised[event.leg] = worker, event.alarm
        elif self._raised.get(event.leg) == (worker, event.alarm):
            del self._raised[event.leg]

    def _score(self, direction: str, flow: Flow | None) -> None:
        if flow is not None:
            self._scores[direction][next((bound for bound in SCORES if flow.mos <= bound), SCORES[-1])] += 1
            self._sums[direction] += flow.mos


def quality_of(side: Side, report: LegReport) -> QualityInfo | None:
    """What a contact record says of a leg that has ended; None of one that never carried sound."""
    if report.received is None and report.sent is None:
        return None
    return QualityInfo(side, report.codec, report.received, report.sent, report.alarms)
