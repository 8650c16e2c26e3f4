from bench.load.churn import churn
from bench.load.targets.workers import Workers


async def test_legs_come_and_go_and_none_stays() -> None:
    async with Workers() as target:
        seen = await churn(target, 8, lambda what, share: None)
        assert all(status.legs == 0 for status in await target.status())
    assert seen.legs == 16  # two rounds at least
    assert seen.memory_early > 10_000_000
    assert abs(seen.growth_percent) < 50
