"""Where recordings are that are not released yet, as the recorder told it last: for Prometheus. No tenant is named."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from recorder.api import Cause, RecordingStatus, State

STATES = tuple(state for state in get_args(State) if state not in ("released", "quarantined"))
CAUSES = tuple(cause for cause in get_args(Cause) if cause)


class RecordingStates(Collector):
    """What is told of each recording replaces what was told before."""

    def __init__(self) -> None:
        self._known: dict[str, RecordingStatus] = {}

    def see(self, status: RecordingStatus) -> None:
        if status.state == "released":
            self._known.pop(status.recording, None)
        else:
            self._known[status.recording] = status

    def see_all(self, statuses: Iterable[RecordingStatus]) -> None:
        """There are these and no others."""
        self._known.clear()
        for status in statuses:
            self.see(status)

    def forget(self, recording: str) -> None:
        """It was deleted. What still goes on is told again."""
        known = self._known.get(recording)
        if known is not None and known.state == "quarantined":
            del self._known[recording]

    def collect(self) -> Iterator[Metric]:
        known = tuple(self._known.values())
        going = [status for status in known if status.state != "quarantined"]
        causes: list[str] = [status.cause or "damaged" for status in known if status.state == "quarantined"]
        yield _gauge("recordings_in_state", "Recordings that are not released yet, by state", "state", (
            STATES, [status.state for status in going],
        ))  # fmt: skip
        yield _gauge("recordings_waiting", "Of these, those that do not get on and are tried again", "state", (
            STATES, [status.state for status in going if status.reason],
        ))  # fmt: skip
        yield _gauge("recordings_quarantined", "Recordings set aside, by cause", "cause", (CAUSES, causes))


def _gauge(name: str, about: str, label: str, told: tuple[tuple[str, ...], Sequence[str]]) -> Metric:
    """All values, those that nothing has as 0, so that an alarm sees the first one come."""
    family = GaugeMetricFamily(f"telephonist_{name}", about, labels=[label])
    values, found = told[0], Counter(told[1])
    for value in values:
        family.add_metric([value], found[value])
    return family
