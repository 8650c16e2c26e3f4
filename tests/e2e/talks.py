"""A caller and an agent at a page who talk, and what is kept of it."""

import asyncio
import time
from typing import Any

from bench.call.caller import Caller
from tests.e2e.agent_page import AgentPage
from tests.e2e.node import Node
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import assert_only, end_of
from tests.support.tones import Samples

CUSTOMER, AGENT = 440.0, 700.0
OTHERS = (370.0, 415.3, 466.2, 554.4)
"""Notes of the music."""


async def last_contact(supervisor: Supervisor) -> str:
    return str((await supervisor.contacts())[0]["Id"])


async def recorded(node: Node) -> tuple[Samples, int, dict[str, Any]]:
    """The newest contact's recording and its description."""
    async with Supervisor(node) as supervisor:
        contact = await last_contact(supervisor)
        described = await supervisor.delivered(contact)
        samples, rate = await supervisor.audio(contact)
        return samples, rate, described


async def talk(caller: Caller, agent: AgentPage, seconds: float = 3.0) -> float:
    """Both listen to each other; how long the agent was connected, by the test's own watch."""
    await caller.answered()
    await agent.accept()
    began = time.monotonic()
    await asyncio.sleep(0.5)
    in_browser = await agent.hear(1.5)
    await caller.wait(max(0.0, seconds - (time.monotonic() - began)))
    assert_only(*in_browser, CUSTOMER, AGENT)
    assert_only(*end_of(caller.heard, 1.5), AGENT, CUSTOMER, *OTHERS)
    return time.monotonic() - began
