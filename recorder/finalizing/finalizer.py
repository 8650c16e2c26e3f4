"""Runs `recorder.finalizing.finalize` for one recording, in a process of its own.

A process and not a thread, for three reasons: it decodes what strangers sent, so it may die without taking the recorder
along; its work must not hold the interpreter that serves the taps; and its memory is given back. A process each and
not a pool: a pool's processes outlive a recorder that is killed, and speak pickle.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ipc.process import HEARTBEAT_FD
from recorder.finalizing.outcome import Died, Outcome
from recorder.spooling.reading import SUFFIX
from vault.pii import Pii

LEAST_SECONDS = 120.0
SECONDS_PER_MB = 8.0
"""Of spool: some twenty times what it takes on a quiet machine. A process that takes longer hangs, and all other
recordings wait behind it."""
_outcomes: msgspec.json.Decoder[Outcome] = msgspec.json.Decoder(Outcome)


async def run(folder: Path, data_key: Pii[bytes], arguments: Sequence[str] = ()) -> Outcome:
    """Finalizes the recording in the folder. The process gets its one data key on its standard input, and ends when we
    do: it watches that input. Raises OSError."""
    limit = LEAST_SECONDS + SECONDS_PER_MB * await asyncio.to_thread(_spool_bytes, folder) / 1e6
    environment = {name: value for name, value in os.environ.items() if name != HEARTBEAT_FD}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "recorder.finalizing.finalize", "--recording", str(folder), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
    )
    assert process.stdout is not None and process.stdin is not None
    output, status = b"", 0
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                process.stdin.write(data_key.reveal())
                output = await process.stdout.read()
                status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not status and not output:
        return Died("no end in time")
    try:
        return _outcomes.decode(output)
    except msgspec.MsgspecError:
        return Died(signal.Signals(-status).name if status < 0 else f"status {status}")


def _spool_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob(f"*{SUFFIX}"))
