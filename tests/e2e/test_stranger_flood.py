"""A stranger floods the SIP port of a real node: calls that are up and those of a trunk do not notice."""

from bench.sip.flood import StrangerPlan, is_unharmed, measure_stranger

PLAN = StrangerPlan(rate=500.0, seconds=3.0, calls=4, trunk_rate=5.0)
GROWTH_MB = 20.0


async def test_live_calls_and_a_trunk_do_not_feel_a_stranger() -> None:
    figures = await measure_stranger(PLAN, lambda what, share: None)
    assert is_unharmed(figures), figures
    assert set(figures["stranger_heard"]) == {"403"}
    assert figures["stranger_heard"]["403"] <= PLAN.seconds + 2, "one answer a second"
    memory = figures["memory_mb"]
    assert memory["after"] - memory["before"] < GROWTH_MB
