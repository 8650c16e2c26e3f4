from typing import get_args

import pytest

from bench.finalizing import FinalizePlan, SpokenCodec, finalizing_section, measure_finalizing


@pytest.mark.parametrize("codec", get_args(SpokenCodec))
def test_a_call_is_finalized_and_what_it_took_is_told(codec: SpokenCodec) -> None:
    told = measure_finalizing(FinalizePlan(minutes=0.1, codec=codec))
    assert (told["duration_ms"], told["gaps"]) == (6000, 0)
    assert told["cpu_seconds"] > 0
    assert 20 < told["peak_memory_mb"] < 100
    machine = {"cores": 2, "cpu": "a processor", "python": "3.11", "load_before": 0.1}
    section = finalizing_section({"date": "today", "command": "finalize", "machine": machine}, [told])
    assert f"| 0.1 | {codec} | wav | {told['seconds']} |" in section
