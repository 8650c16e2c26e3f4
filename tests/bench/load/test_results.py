from bench.load.churn import Churn
from bench.load.comparison import comparisons
from bench.load.results import Short, document, recordings_section
from tests.bench.load.figures import figures

ABOUT = {
    "date": "2026-01-02 03:04 UTC",
    "command": "telephonist-bench short",
    "machine": {"cpu": "a processor", "cores": 2, "system": "Linux", "python": "3.11", "load_before": 0.1},
    "versions": {"telephonist": "0.1.0"},
    "runs": 3,
}

HEARD = {"lost": 0, "gap_ms": {"p99": 22.0}}
RECORDINGS = {
    "calls": 3,
    "workers": 2,
    "delivered": 3,
    "quarantined": 0,
    "gaps": 0,
    "files_wrong": [],
    "relay_millicores_per_leg": 1.0,
    "relay_millicores_per_recorded_leg": 1.1,
    "tap_us_per_packet": 0.6,
    "tap_share_percent": 2.5,
    "recorder_millicores_per_leg": 0.2,
    "finalize_cpu_seconds_per_leg_hour": 5.0,
    "delivered_after_seconds": 2.0,
    "without_taps": HEARD,
    "with_taps": HEARD,
}


def test_a_document_says_where_it_comes_from_and_what_was_seen() -> None:
    first, second = comparisons()[:2]
    rows = [(first, figures(0.5), figures(2.0, server="janus")), (second, figures(0.7), None)]
    churned = Churn(10000, 25.0, 100_000_000, 101_000_000)
    text = document(ABOUT, Short(rows, [figures(1.0)], churned, RECORDINGS))
    assert "Taken 2026-01-02 03:04 UTC by `telephonist-bench short` on 2 cores of a processor" in text
    assert "| PCMU conference, SRTP | 100 | 0.50 | janus 1.2 | 2.00 | 0.25 | 0.45 | 0, 25.5, 21.0/30.2 |" in text
    assert "| janus | not measured |" in text
    assert "| 100 | yes |" in text
    assert "(+1.00 %)" in text
    assert "3 recorded calls at once (PCMU, SRTP, 2 workers): 3 files delivered, 0 with a wrong" in text
    assert "| relay with taps | 1.1 | 4.0 |" in text
    assert "recording adds 0.6 µs a packet that is passed on, 2.5 % of the relay's time." in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {12, 8, 4}


def test_a_section_alone_says_where_it_comes_from() -> None:
    text = recordings_section(ABOUT, RECORDINGS)
    assert text.startswith("## Recording\n\nTaken 2026-01-02 03:04 UTC by `telephonist-bench short`")
    assert "3 recorded calls at once" in text
