"""The end of a server that was started for a measurement."""

import asyncio

STOP_SECONDS = 10.0


async def end(process: asyncio.subprocess.Process) -> None:
    """Asks it to end; when it does not, ends it."""
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
