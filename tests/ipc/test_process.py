"""What a process writes to its log, read from a real one, and what its heartbeat says."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from ipc.process import BEAT, READY, wait_until_ready

PROGRAM = """
import asyncio, logging, structlog
from ipc.process import run

async def fail():
    raise KeyError("+15550199")

async def body(stop, heartbeat):
    heartbeat.ready()
    try:
        await fail()
    except KeyError:
        structlog.get_logger().exception("! failed", contact="c-1")
    asyncio.get_running_loop().call_exception_handler({"message": "+15550199", "exception": ValueError("+15550199")})
    structlog.get_logger().info("= well")

run("signaling", body)
"""


def lines() -> tuple[str, list[dict[str, Any]]]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], stderr=subprocess.PIPE, text=True, check=True, timeout=30)
    return done.stderr, [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_is_json_and_no_exception_is_told_with_its_text() -> None:
    text, [failed, unhandled, well] = lines()
    assert "15550199" not in text
    assert (failed["event"], failed["error"], failed["contact"]) == ("! failed", "KeyError", "c-1")
    assert (unhandled["logger"], unhandled["error"]) == ("asyncio", "ValueError")
    assert (well["event"], well["process"], "error" in well) == ("= well", "signaling", False)


@pytest.mark.parametrize(("said", "ready"), [(READY, True), (3 * BEAT + READY, True), (3 * BEAT, False), (b"", False)])
def test_beats_may_come_before_it_is_ready(said: bytes, ready: bool) -> None:
    reading, writing = os.pipe()
    os.write(writing, said)
    os.close(writing)
    assert wait_until_ready(reading) is ready
    os.close(reading)
