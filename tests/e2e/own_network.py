"""Programs in a network namespace of their own, with one address that is not a loopback one."""

import asyncio
import json
import subprocess
import sys
from typing import Any

ADDRESS = "10.55.0.1"
SECONDS = 110
WAYS = (("unshare", "--net"), ("unshare", "--user", "--map-root-user", "--net"))
"""As root, and as anybody where the kernel lets people have namespaces."""


def enter() -> None:
    """Brings up the network of the namespace that this runs in."""
    for command in (("link", "set", "lo", "up"), ("address", "add", f"{ADDRESS}/32", "dev", "lo")):
        subprocess.run(["ip", *command], check=True)


async def run_module(name: str, *arguments: str) -> Any:
    """What a module prints as JSON when it runs in a namespace of its own."""
    process = await asyncio.create_subprocess_exec(
        *await _way(),
        *(sys.executable, "-m", name, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            output, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{name} failed:\n{complaint.decode(errors='replace')}"
    return json.loads(output)


async def _way() -> tuple[str, ...]:
    complaints = []
    for way in WAYS:
        process = await asyncio.create_subprocess_exec(*way, "true", stderr=asyncio.subprocess.PIPE)
        _, complaint = await process.communicate()
        if process.returncode == 0:
            return way
        complaints.append(f"{' '.join(way)}: {complaint.decode().strip()}")
    raise AssertionError("this user may not make a network namespace, which the test needs: " + "; ".join(complaints))
