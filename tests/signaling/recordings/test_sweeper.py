import asyncio

from signaling.recordings.sweeper import Sweeper


async def test_it_sweeps_at_the_start_and_again_whatever_goes_wrong() -> None:
    swept = asyncio.Event()
    times = 0

    async def sweep() -> None:
        nonlocal times
        times += 1
        if times == 1:
            raise RuntimeError("the store is away")
        swept.set()

    sweeper = Sweeper(sweep, seconds=0.001)
    await sweeper.close()
    sweeper.start()
    async with asyncio.timeout(5):
        await swept.wait()
    await sweeper.close()
