"""The figures of the media workers for Prometheus, as each told them last. No tenant, number or name is in it."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from relay.api import LATENESS_MS, Status

_GAUGES: tuple[tuple[str, str, Callable[[Status], float]], ...] = (
    ("legs", "Legs that it carries", lambda status: status.legs),
    ("rooms", "Rooms that it carries", lambda status: status.rooms),
    ("taps", "Parties that are being recorded", lambda status: status.taps),
    ("draining", "Whether it takes no new calls", lambda status: status.draining),
    ("loop_lag_seconds", "The latest that a tick began in the last seconds", lambda status: status.lag_ms / 1000),
    ("memory_bytes", "Resident memory", lambda status: status.memory_bytes),
)
_COUNTERS: tuple[tuple[str, str, Callable[[Status], float]], ...] = (
    ("cpu_seconds", "CPU time", lambda status: status.cpu_seconds),
    ("ticks", "Ticks", lambda status: status.ticks),
    ("late_ticks", "Ticks over 5 ms late", lambda status: status.late_ticks),
    ("tick_work_seconds", "Time spent in ticks", lambda status: status.busy_seconds),
    ("garbage_seconds", "Time spent in collecting garbage", lambda status: status.garbage_seconds),
    ("tap_dropped", "Packets that were not told to the recorder", lambda status: status.tap_dropped),
    ("legs_ended", "Legs that have ended", lambda status: status.ended.legs),
    ("leg_faults", "Errors of the worker in legs that have ended", lambda status: status.ended.faults),
)


class Fleet:
    """`statuses`: by worker."""

    def __init__(self, statuses: Callable[[], Mapping[str, Status]]) -> None:
        self._statuses = statuses

    def collect(self) -> Iterator[Metric]:
        statuses = self._statuses()
        for name, text, figure in _GAUGES:
            gauge = GaugeMetricFamily(f"telephonist_worker_{name}", text, labels=["worker"])
            for worker, status in statuses.items():
                gauge.add_metric([worker], figure(status))
            yield gauge
        for name, text, figure in _COUNTERS:
            counter = CounterMetricFamily(f"telephonist_worker_{name}", text, labels=["worker"])
            for worker, status in statuses.items():
                counter.add_metric([worker], figure(status))
            yield counter
        yield _packets(statuses)
        yield _lateness(statuses)


def _packets(statuses: Mapping[str, Status]) -> Metric:
    text = "Packets of legs that have ended, by what became of them"
    family = CounterMetricFamily("telephonist_worker_packets", text, labels=["worker", "what"])
    for worker, status in statuses.items():
        ended = status.ended
        for what, count in (
            ("received", ended.received), ("sent", ended.sent), ("lost", ended.lost),
            ("discarded", ended.discarded), ("concealed", ended.concealed),
        ):  # fmt: skip
            family.add_metric([worker, what], count)
    return family


def _lateness(statuses: Mapping[str, Status]) -> Metric:
    text = "How long after their deadline ticks began"
    family = HistogramMetricFamily("telephonist_worker_tick_lateness_seconds", text, labels=["worker"])
    for worker, status in statuses.items():
        if not status.lateness:
            continue
        bounds = [str(bound / 1000) for bound in LATENESS_MS] + ["+Inf"]
        sums = [sum(status.lateness[: at + 1]) for at in range(len(bounds))]
        family.add_metric([worker], list(zip(bounds, sums, strict=True)), status.lateness_seconds)
    return family
