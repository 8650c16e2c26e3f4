"""Processes that are killed and lines that are cut, in the middle of calls that are listened to."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Playwright, expect

from bench.call.caller import Caller
from tests.e2e.agent_page import AgentPage, agent_at_work
from tests.e2e.callers import customer
from tests.e2e.gate import Gate
from tests.e2e.node import Node
from tests.e2e.plan import BOTH
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import assert_only, end_of, part, windows_without
from tests.support.tones import Samples

CUSTOMER, AGENT = 440.0, 700.0


async def two_calls(
    stack: AsyncExitStack, node: Node, playwright: Playwright, folder: Path
) -> list[tuple[Caller, AgentPage]]:
    """Two connected calls, which lie on different workers."""
    calls = []
    for username in ("ann", "bob"):
        agent = await stack.enter_async_context(agent_at_work(playwright, node, username, AGENT, folder))
        caller = await stack.enter_async_context(customer(node, BOTH, CUSTOMER))
        await caller.answered()
        await agent.accept()
        calls.append((caller, agent))
    return calls


async def recording_of(node: Node, contact: str) -> tuple[Samples, int]:
    async with Supervisor(node) as supervisor:
        await supervisor.delivered(contact)
        return await supervisor.audio(contact)


async def newest(node: Node) -> str:
    async with Supervisor(node) as supervisor:
        return str((await supervisor.contacts())[0]["Id"])


async def test_a_killed_worker_ends_its_own_calls_and_no_others(
    node: Node, playwright: Playwright, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        calls = await two_calls(stack, node, playwright, tmp_path)
        await calls[0][0].wait(3.0)
        node.kill("relay", "0")
        ended = {asyncio.ensure_future(caller.ended()): (caller, agent) for caller, agent in calls}
        async with asyncio.timeout(5):
            done, pending = await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
        [(caller, agent)] = [ended[task] for task in done]
        [(other, other_agent)] = [ended[task] for task in pending]
        await agent.in_state("ENDED")
        await expect(agent.card.locator(".reason")).to_contain_text("media worker failed")
        await agent.press("Clear contact")
        cut = await newest(node) if caller is calls[1][0] else await older(node)
        await other.wait(3.0)
        samples, rate = end_of(other.heard, 5.0)
        assert windows_without(samples, rate, AGENT) == 0
        assert_only(*await other_agent.hear(1.0), CUSTOMER)
        for task in pending:
            task.cancel()
        other.hang_up()
        await other_agent.finish()
    samples, rate = await recording_of(node, cut)
    assert len(samples) / rate > 2.5
    assert_only(part(samples[:, 1], rate, 0.5, 2.5), rate, AGENT)
    assert_only(part(samples[:, 0], rate, 0.5, 2.5), rate, CUSTOMER)
    async with Supervisor(node) as supervisor:
        assert (await supervisor.contact(cut))["DisconnectReason"] == "TELECOM_PROBLEM"


async def older(node: Node) -> str:
    async with Supervisor(node) as supervisor:
        return str((await supervisor.contacts())[1]["Id"])


async def test_a_killed_recorder_costs_less_than_a_second(node: Node, playwright: Playwright, tmp_path: Path) -> None:
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        async with customer(node, BOTH, CUSTOMER) as caller:
            await caller.answered()
            await agent.accept()
            await caller.wait(2.0)
            killed = node.kill("recorder")
            badge = agent.card.locator(".badge.recording")
            await expect(badge).to_contain_text("interrupted")
            await expect(badge).to_contain_text("Recording")
            await caller.wait(2.0)
            assert node.pid("recorder") != killed
            samples, rate = caller.heard
            assert windows_without(end_of((samples, rate), 3.5)[0], rate, AGENT) == 0
        await agent.finish()
    contact = await newest(node)
    recorded, rate = await recording_of(node, contact)
    async with Supervisor(node) as supervisor:
        described = await supervisor.contact(contact)
        gaps = (await supervisor.peaks(contact))["gaps"]
    connected = described["DisconnectTimestamp"] - described["AgentInfo"]["ConnectedToAgentTimestamp"]
    assert abs(len(recorded) / rate - connected) < 0.1
    for side, frequency in ((0, CUSTOMER), (1, AGENT)):
        missing = windows_without(part(recorded[:, side], rate, 0.3, connected - 0.2), rate, frequency)
        assert missing <= 10
        marked = sum(gap["end_ms"] - gap["start_ms"] for gap in gaps) / 100
        assert missing <= marked + 1


async def test_a_cut_line_is_resumed_and_the_sound_never_stops(
    node: Node, playwright: Playwright, tmp_path: Path
) -> None:
    async with (
        Gate(node.addresses.softphone) as gate,
        agent_at_work(playwright, node, "ann", AGENT, tmp_path, detour=gate.port) as agent,
    ):
        async with customer(node, BOTH, CUSTOMER) as caller:
            await caller.answered()
            await agent.accept()
            await caller.wait(1.0)
            line = agent.page.get_by_role("banner").get_by_role("status")
            await expect(line).to_have_text("Connected")
            began = time.monotonic()
            await gate.cut()
            await expect(line).not_to_have_text("Connected")
            in_browser = await agent.hear(2.0)
            await caller.wait(5.0 - (time.monotonic() - began))
            await gate.mend()
            await expect(line).to_have_text("Connected")
            await agent.in_state("CONNECTED")
            away = time.monotonic() - began
            assert windows_without(*in_browser, CUSTOMER) == 0
            assert windows_without(*end_of(caller.heard, away), AGENT) == 0
            await agent.press("Hold")
            await agent.in_state("CONNECTED_ONHOLD")
            await agent.press("Hang up")
            await caller.ended()
        await agent.finish()


async def test_a_killed_control_plane_comes_back_and_the_page_has_its_call_again(
    playwright: Playwright, tmp_path: Path
) -> None:
    with Node(rtp_ports=(20400, 20599)) as node:
        async with (
            customer(node, BOTH, CUSTOMER) as caller,
            agent_at_work(playwright, node, "ann", AGENT, tmp_path, sign_out=False) as agent,
        ):
            await caller.answered()
            await agent.accept()
            await agent.press("Hold")
            await agent.in_state("CONNECTED_ONHOLD")
            await caller.wait(1.0)
            killed = node.kill("signaling")
            line = agent.page.get_by_role("banner").get_by_role("status")
            await expect(line).not_to_have_text("Connected")
            await node.ready_again()
            assert node.pid("signaling") != killed
            await expect(line).to_have_text("Connected")
            await agent.in_state("CONNECTED_ONHOLD")
            await agent.press("Hold")
            await agent.in_state("CONNECTED")
            await caller.wait(2.0)
            assert_only(*end_of(caller.heard, 1.0), AGENT)
            assert_only(*await agent.hear(1.0), CUSTOMER)
            await agent.press("Hang up")
            await caller.ended()
            await agent.finish()
        contact = await newest(node)
        samples, rate = await recording_of(node, contact)
        assert_only(part(samples[:, 1], rate, 0.5, len(samples) / rate - 0.5), rate, AGENT)
        async with Supervisor(node) as supervisor:
            assert (await supervisor.contact(contact))["DisconnectReason"] == "AGENT_DISCONNECT"
