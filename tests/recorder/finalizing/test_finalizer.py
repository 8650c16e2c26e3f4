"""The finalizer's process when it does not do what it should."""

import subprocess
import sys
from pathlib import Path

import pytest

from recorder.finalizing import finalizer
from recorder.finalizing.outcome import Died
from vault.pii import Pii


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exec sleep 60", "no end in time"),
        ("echo nonsense", "status 0"),
        ("exit 3", "status 3"),
        ("kill -9 $$", "SIGKILL"),
    ],
)
async def test_a_process_that_says_nothing_has_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(finalizer, "LEAST_SECONDS", 1.0)
    assert await finalizer.run(tmp_path, Pii(bytes(32))) == Died(reason)


def test_the_finalizer_loads_nothing_large_that_it_may_not_need() -> None:
    """FFmpeg and asyncio are a third of what a finalizer holds before it has read anything."""
    asked = "import sys, recorder.finalizing.finalize; print(*sorted({'av', 'asyncio'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True).stdout.strip() == b""
