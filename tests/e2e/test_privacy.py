"""Nothing of a caller or of what was said lies anywhere in clear, while the call goes on and afterwards."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Playwright

from bench.call.sounds import Tone
from tests.e2e.agent_page import agent_at_work
from tests.e2e.callers import CALLER, customer
from tests.e2e.node import Node
from tests.e2e.plan import BOTH
from tests.e2e.recordings import Supervisor

FREQUENCY = 500.0
"""Sixteen samples a period at 8 kHz: every stretch of the tone has the same bytes."""


def secrets_of_the_call() -> dict[str, bytes]:
    samples = Tone(FREQUENCY, 8000).take(160)
    return {
        "the number": CALLER.removeprefix("+").encode(),
        "the number in UTF-16": CALLER.removeprefix("+").encode("utf-16-le"),
        "a WAV file": b"RIFF",
        "an Ogg file": b"OggS",
        "PCM": samples[16:48].tobytes(),
        "stereo PCM": np.repeat(samples[16:48], 2).tobytes(),
    }


def found_in(files: list[Path]) -> list[str]:
    return [
        f"{name} in {path.name}"
        for path in files
        for content in [path.read_bytes()]
        for name, secret in secrets_of_the_call().items()
        if secret in content
    ]


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
            await keys_go_and_come(node, supervisor, contact["Id"])
        assert node.stop() == 0
        assert found_in([*node.files(places.data), node.log]) == []
        assert any(path.suffix == ".wav" for path in node.files(places.store))
        secret_files = [path for path in node.files(places.data) if path.stat().st_mode & 0o077]
        assert not [path for path in secret_files if places.spool in path.parents or places.keyring == path]
