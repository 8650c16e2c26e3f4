from bench.sip.phones import Figures
from bench.sip.registrations import summary
from bench.sip.report import registrations_section

ABOUT = {
    "date": "2026-11-25",
    "command": "telephonist-bench registrations",
    "machine": {"cores": 2, "cpu": "a processor", "python": "3.11", "load_before": 0.1},
}


def test_what_was_measured_is_one_section() -> None:
    figures = Figures(granted=3, repeated=1, seconds=[0.003, 0.001, 0.002])
    figures.failed["no answer"] += 2
    one = {**summary(figures), "cpu_cores": 0.25}
    memory = {"before": 100.0, "registered": 110.0, "refreshed": 111.0}
    about = {"phones": 5000, "refresh_seconds": 60.0, "registered": one, "refreshed": one, "memory_mb": memory}
    text = registrations_section(ABOUT, about)
    assert text.startswith("## Registered phones\n")
    assert "| refreshes | 3 | 2 | 2.0 | 3.0 | 0.25 |" in text
    assert "5,000 phones" in text
    assert "100.0 MB before, 110.0 MB with all registered and 111.0 MB after" in text
