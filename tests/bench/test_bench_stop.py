"""A measurement that is stopped takes the servers that it has started with it."""

import asyncio
import os
import signal
import sys

from bench.processes import children


async def test_sigterm_ends_the_worker_too() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench", "legs", "pcmu-pairs", "--legs", "2", "--seconds", "60",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(45):
        while not (workers := children(process.pid)):
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 128 + signal.SIGTERM
        # Nobody tells when a process ends that is not our child; a server that stays is a timeout here.
        while any(os.path.exists(f"/proc/{worker}") for worker in workers):
            await asyncio.sleep(0.05)
