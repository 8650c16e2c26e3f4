"""Callers at a rate meet a callee that answers; what they hear is judged."""

import numpy as np
import pytest

from bench.call.negotiation import Terms
from bench.call.sounds import Tone
from bench.call.wire import Target
from bench.rate import Progress, RatePlan, place_calls, spread, summary
from bench.rate_node import agent_hz, agents_for, hears, strangers
from tests.bench.callee import callee

NOWHERE = Target("127.0.0.1", 9, "tcp")


def plan(target: Target = NOWHERE, calls: int = 3, rate: float = 20.0, hold: float = 0.3) -> RatePlan:
    return RatePlan("+15550100", target, Terms(("PCMU",)), calls, rate, hold, ring=5.0)


async def test_calls_are_placed_answered_and_ended_by_us() -> None:
    progress = Progress()
    async with callee() as phone:
        chosen = plan(phone.target(), calls=2, rate=1.5)
        figures = summary(chosen, progress, await place_calls(chosen, progress, lambda what, share: None))
    assert figures["answered"] == figures["calls"] == 2
    assert figures["most_at_once"] == 1
    assert figures["cut_off"] == 0
    assert figures["packets_received"] > 10
    assert figures["answered_ms"]["max"] > 0


async def test_calls_that_nobody_takes_are_counted_with_the_reason() -> None:
    told: list[str] = []
    progress = Progress()
    placed = await place_calls(plan(), progress, lambda what, share: told.append(what))
    figures = summary(plan(), progress, placed)
    assert figures["answered"] == 0
    assert sum(figures["failed"].values()) == 3
    assert "cannot reach" in next(iter(figures["failed"]))
    assert figures["answered_ms"] == {}
    assert len(told) == 3


def test_a_caller_hears_its_agent_and_a_stranger_is_found() -> None:
    own, other = (Tone(agent_hz(number), 8000).take(32000) for number in (3, 4))
    assert hears(own, 8000, agent_hz(3))
    assert not hears(own, 8000, agent_hz(4))
    assert not hears(np.zeros(32000, np.int16), 8000, agent_hz(3))
    assert strangers(own, 8000, agent_hz(3)) == []
    assert strangers(own + other // 10, 8000, agent_hz(3)) == [agent_hz(4)]


def test_a_call_that_is_too_short_proves_nothing() -> None:
    assert not hears(Tone(agent_hz(0), 8000).take(20000), 8000, agent_hz(0))


def test_there_are_agents_for_all_that_are_on_calls_at_once() -> None:
    assert agents_for(plan(calls=100, rate=2.0, hold=4.0)) == 12
    assert agents_for(plan(calls=3, rate=2.0, hold=400.0)) == 3
    with pytest.raises(ValueError, match="lower --rate"):
        agents_for(plan(calls=1000, rate=10.0, hold=30.0))


def test_spread_of_nothing_is_nothing() -> None:
    assert spread([None]) == {}
    assert spread([3.0, None, 1.0, 2.0]) == {"p50": 2.0, "p95": 3.0, "max": 3.0}
