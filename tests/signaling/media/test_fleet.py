from prometheus_client import CollectorRegistry

from relay.api import Ended, Status
from signaling.media.fleet import Fleet

STATUS = Status(
    worker="0", legs=12, ticks=1000, late_ticks=3, tap_dropped=1, cpu_seconds=4.5, draining=True,
    lateness=(900, 80, 17, 2, 1, 0, 0, 0), lateness_seconds=0.7, lag_ms=12.5, busy_seconds=2.0, garbage_seconds=0.1,
    memory_bytes=1 << 26, rooms=6, taps=4, ended=Ended(8, 4000, 3900, 7, 6, 5, 2),
)  # fmt: skip


def test_what_a_worker_told_is_told() -> None:
    statuses = {"relay-0": STATUS}
    registry = CollectorRegistry()
    registry.register(Fleet(lambda: statuses))
    labels = {"worker": "relay-0"}
    wanted = {
        "legs": 12, "rooms": 6, "taps": 4, "draining": 1, "loop_lag_seconds": 0.0125, "memory_bytes": 1 << 26,
        "cpu_seconds_total": 4.5, "ticks_total": 1000, "late_ticks_total": 3, "tick_work_seconds_total": 2.0,
        "garbage_seconds_total": 0.1, "tap_dropped_total": 1, "legs_ended_total": 8, "leg_faults_total": 2,
        "tick_lateness_seconds_count": 1000, "tick_lateness_seconds_sum": 0.7,
    }  # fmt: skip
    for name, value in wanted.items():
        assert registry.get_sample_value(f"telephonist_worker_{name}", labels) == value, name
    late = {**labels, "le": "0.005"}
    assert registry.get_sample_value("telephonist_worker_tick_lateness_seconds_bucket", late) == 997
    for what, value in {"received": 4000, "sent": 3900, "lost": 7, "discarded": 6, "concealed": 5}.items():
        assert registry.get_sample_value("telephonist_worker_packets_total", {**labels, "what": what}) == value
    statuses.clear()
    assert registry.get_sample_value("telephonist_worker_legs", labels) is None
