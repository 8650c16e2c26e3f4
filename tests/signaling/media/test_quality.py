from prometheus_client import CollectorRegistry

from relay.api import Flow, LegReport, MediaAlarm, Quality
from signaling.center.record import QualityInfo
from signaling.media.quality import QualityMeter, quality_of

GOOD, BAD = Flow(250, 0, 1.0, 20.0, 4.35, 4.35), Flow(250, 60, 40.0, 400.0, 1.9, 1.9)


def figures(meter: QualityMeter) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(meter)
    return registry


def test_alarms_are_counted_and_those_that_stand_are_told() -> None:
    meter = QualityMeter()
    for leg in ("a", "b", "c"):
        meter.take("relay-0", MediaAlarm(leg, "no_media", True))
    meter.take("relay-0", MediaAlarm("a", "no_media", False))
    meter.take("relay-1", MediaAlarm("d", "silence", True))
    meter.take("relay-1", MediaAlarm("d", "no_media", False))
    told = figures(meter)
    assert told.get_sample_value("telephonist_media_alarms", {"alarm": "no_media"}) == 2
    assert told.get_sample_value("telephonist_media_alarms", {"alarm": "silence"}) == 1
    assert told.get_sample_value("telephonist_media_alarms_raised_total", {"alarm": "no_media"}) == 3
    meter.worker_lost("relay-0")
    assert told.get_sample_value("telephonist_media_alarms", {"alarm": "no_media"}) == 0
    assert told.get_sample_value("telephonist_media_alarms", {"alarm": "silence"}) == 1


def test_scores_are_a_histogram_by_direction() -> None:
    meter = QualityMeter()
    meter.take("relay-0", Quality("a", GOOD, BAD))
    meter.take("relay-0", Quality("b", GOOD, None))
    told = figures(meter)
    received = {"direction": "received"}
    assert told.get_sample_value("telephonist_mos_bucket", {**received, "le": "4.2"}) == 0
    assert told.get_sample_value("telephonist_mos_bucket", {**received, "le": "4.5"}) == 2
    assert told.get_sample_value("telephonist_mos_sum", received) == 8.7
    assert told.get_sample_value("telephonist_mos_bucket", {"direction": "sent", "le": "2.0"}) == 1
    assert told.get_sample_value("telephonist_mos_count", {"direction": "sent"}) == 1


def test_a_legs_report_becomes_a_sides_quality_unless_it_never_sounded() -> None:
    report = LegReport("c/customer", "c", "rtp", "PCMA/8000", received=GOOD, sent=BAD, alarms=("one_way",))
    info = quality_of("customer", report)
    assert info == QualityInfo("customer", "PCMA/8000", GOOD, BAD, ("one_way",))
    assert info is not None
    assert info.score == 1.9
    assert quality_of("agent", LegReport("c/agent-1", "c", "browser", "")) is None
