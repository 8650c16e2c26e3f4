"""Nothing of a caller or of what was said lies anywhere in clear, while the call goes on and afterwards."""

import asyncio
import base64
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Playwright

from bench.call.sounds import Tone
from bench.processes import children
from recorder.keeping.keys import context_of, owner_of
from recorder.spooling import journal
from tests.e2e.agent_page import agent_at_work
from tests.e2e.callers import CALLER, customer
from tests.e2e.node import Node
from tests.e2e.plan import BOTH
from tests.e2e.recordings import Supervisor
from vault.keyring import LocalKeyring

FREQUENCY = 500.0
"""Sixteen samples a period at 8 kHz: every stretch of the tone has the same bytes."""


Secrets = dict[str, bytes]


def secrets_of_the_call() -> Secrets:
    samples = Tone(FREQUENCY, 8000).take(160)
    return {
        "the number": CALLER.removeprefix("+").encode(),
        "the number in UTF-16": CALLER.removeprefix("+").encode("utf-16-le"),
        "a WAV file": b"RIFF",
        "an Ogg file": b"OggS",
        "PCM": samples[16:48].tobytes(),
        "stereo PCM": np.repeat(samples[16:48], 2).tobytes(),
    }


def secret_keys(node: Node) -> Secrets:
    """The data key of the recording, and what the keyring's file holds, as bytes and as they are written down."""
    ring = LocalKeyring.open(node.places.keyring)
    keys = {}
    for path in node.places.spool.rglob(journal.NAME):
        known = journal.claim(path.parent)
        keys["the data key"] = ring.unwrap(known.wrapped, context_of(owner_of(known.start))).reveal()
    for number, text in enumerate(re.findall(rb"[A-Za-z0-9+/]{43,}={0,2}", node.places.keyring.read_bytes())):
        keys[f"key {number} of the keyring"] = base64.b64decode(text)
    assert len(keys) >= 2, "a recording and a keyring have keys"
    assert all(len(key) >= 32 for key in keys.values())
    written = {f"{name} in base64": base64.b64encode(key).rstrip(b"=") for name, key in keys.items()}
    return keys | written | {f"{name} in hexadecimal": key.hex().encode() for name, key in keys.items()}


def found_in(files: list[Path], secrets: Secrets | None = None) -> list[str]:
    return [
        f"{name} in {path.name}"
        for path in files
        for content in [path.read_bytes()]
        for name, secret in (secrets_of_the_call() if secrets is None else secrets).items()
        if secret in content
    ]


def dumps_core(node: Node) -> list[str]:
    """The node's processes of which a fault may leave a core file."""
    limits = {pid: Path(f"/proc/{pid}/limits").read_text() for pid in (node.process.pid, *children(node.process.pid))}
    lines = {pid: next(line for line in text.splitlines() if "core file" in line) for pid, text in limits.items()}
    assert len(lines) >= 4, "the node, its control plane, a worker and a recorder"
    return [line for line in lines.values() if line.split()[4:6] != ["0", "0"]]


async def keys_go_and_come(node: Node, supervisor: Supervisor, contact: str) -> None:
    """While the node runs: what is wrapped anew opens without the earlier key, and nothing opens without any."""

    async def keys(*words: str) -> None:
        assert await asyncio.to_thread(node.run, "keys", *words) == 0

    await keys("rotate", "acme")
    await keys("rewrap", "acme")
    await keys("destroy", "acme", "--version", "1", "--reason", "rotated", "--yes")
    assert len((await supervisor.audio(contact))[0]) > 8000
    described = await supervisor.contact(contact)
    assert described["CustomerEndpoint"]["Address"] == CALLER
    await keys("destroy", "acme", "--reason", "the contract is over", "--yes")
    with pytest.raises(AssertionError, match="cannot be read"):
        await supervisor.audio(contact)
    described = await supervisor.contact(contact)
    assert CALLER not in str(described)


async def test_nothing_is_in_clear(playwright: Playwright, tmp_path: Path) -> None:
    with Node(rtp_ports=(20600, 20799)) as node:
        places = node.places
        async with agent_at_work(playwright, node, "ann", 700.0, tmp_path) as agent:
            async with customer(node, BOTH, FREQUENCY) as caller:
                await caller.answered()
                await agent.accept()
                await caller.wait(2.0)
                assert dumps_core(node) == []
                spool = node.files(places.spool)
                assert sum(path.stat().st_size for path in spool) > 10_000
                assert found_in(spool) == []
            await agent.finish()
        async with Supervisor(node) as supervisor:
            [contact] = await supervisor.contacts()
            await supervisor.delivered(contact["Id"])
            described = await supervisor.contact(contact["Id"])
            assert described["CustomerEndpoint"]["Address"] == CALLER
            assert len((await supervisor.audio(contact["Id"]))[0]) > 8000
            keys = secret_keys(node)
            await keys_go_and_come(node, supervisor, contact["Id"])
        assert node.stop() == 0
        everything = [*node.files(places.data, node.temporary), node.log]
        assert found_in(everything) == []
        assert found_in([path for path in everything if path != places.keyring], keys) == []
        assert not [path for path in node.files(node.folder) if path.name.startswith("core")]
        assert any(path.suffix == ".wav" for path in node.files(places.store))
        secret_files = [path for path in node.files(places.data) if path.stat().st_mode & 0o077]
        assert not [path for path in secret_files if places.spool in path.parents or places.keyring == path]
