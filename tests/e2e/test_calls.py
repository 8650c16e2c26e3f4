"""Calls from a SIP trunk to an agent's browser: who hears whom, and what is in the file."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Playwright, expect

from bench.call.negotiation import Srtp
from signaling.sip.flow import Transport
from tests.e2e.agent_page import agent_at_work
from tests.e2e.callers import customer
from tests.e2e.node import Node
from tests.e2e.plan import AUTOMATED, BOTH, FROM_AGENT, FROM_CUSTOMER, NOTHING
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import assert_begins_with, assert_only, assert_silent, end_of
from tests.e2e.talks import AGENT, CUSTOMER, OTHERS, last_contact, recorded, talk


@pytest.mark.parametrize(
    ("transport", "srtp", "codec"),
    [("udp", "off", "PCMU"), ("tls", "sdes", "PCMU"), ("tcp", "off", "G722"), ("udp", "sdes", "opus")],
)
async def test_a_caller_and_an_agent_hear_each_other_and_are_recorded(
    node: Node, playwright: Playwright, tmp_path: Path, transport: Transport, srtp: Srtp, codec: str
) -> None:
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        async with customer(node, BOTH, CUSTOMER, transport, srtp, codec) as caller:
            await talk(caller, agent)
            await expect(agent.card.locator(".badge.recording")).to_contain_text("Recording")
        await agent.finish()
    samples, rate, described = await recorded(node)
    assert set(described["QualityMetrics"]) == {"Agent", "Customer"}
    for side in described["QualityMetrics"].values():
        assert 1.0 < side["Audio"]["QualityScore"] <= 4.5
        assert side["Audio"]["Telephonist"]["Received"]["Packets"] > 100
    left, right = samples[:, 0], samples[:, 1]
    middle = slice(int(0.5 * rate), int(-0.3 * rate))
    assert_only(left[middle], rate, CUSTOMER, AGENT, *OTHERS)
    assert_only(right[middle], rate, AGENT, CUSTOMER, *OTHERS)
    assert_begins_with(left[: int(0.5 * rate)], rate, CUSTOMER, *OTHERS)
    connected = float(described["AgentInfo"]["ConnectedToAgentTimestamp"])
    ended = float(described["DisconnectTimestamp"])
    assert len(left) / rate == pytest.approx(ended - connected, abs=0.1)


async def test_the_automated_part_and_the_talk_are_two_recordings(
    node: Node, playwright: Playwright, tmp_path: Path
) -> None:
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        async with customer(node, AUTOMATED, CUSTOMER) as caller:
            await caller.answered()
            await agent.in_state("INCOMING")
            await caller.wait(1.5)
            await agent.accept()
            await caller.wait(2.0)
        await agent.finish()
    async with Supervisor(node) as supervisor:
        contact = await last_contact(supervisor)
        await supervisor.delivered(contact, "IvrRecording")
        described = await supervisor.delivered(contact)
        assert [one["ParticipantType"] for one in described["Recordings"]] == ["ALL", "CUSTOMER"]
        alone, rate = await supervisor.audio(contact, "IVR")
        talk, talk_rate = await supervisor.audio(contact)
    assert len(alone) > 1.4 * rate and len(talk) > 1.9 * talk_rate
    assert_only(alone[int(0.3 * rate) : -int(0.3 * rate), 0], rate, CUSTOMER, AGENT, *OTHERS)
    assert_silent(alone[:, 1])
    middle = talk[int(0.5 * talk_rate) : -int(0.3 * talk_rate)]
    assert_only(middle[:, 0], talk_rate, CUSTOMER, AGENT)
    assert_only(middle[:, 1], talk_rate, AGENT, CUSTOMER)


async def test_two_calls_at_once_are_kept_apart(node: Node, playwright: Playwright, tmp_path: Path) -> None:
    tones = {"ann": (440.0, 700.0), "bob": (1130.0, 1610.0)}
    everything = {frequency for pair in tones.values() for frequency in pair}
    async with AsyncExitStack() as stack:
        calls = []
        for username, (theirs, ours) in tones.items():
            agent = await stack.enter_async_context(agent_at_work(playwright, node, username, ours, tmp_path))
            caller = await stack.enter_async_context(customer(node, BOTH, theirs, codec="opus"))
            await caller.answered()
            await agent.accept()
            calls.append((agent, caller, theirs, ours))
        heard = await asyncio.gather(*(agent.hear(2.0) for agent, *_ in calls))
        for (_, caller, theirs, ours), in_browser in zip(calls, heard, strict=True):
            assert_only(*in_browser, theirs, *(everything - {theirs}))
            assert_only(*end_of(caller.heard, 1.5), ours, *(everything - {ours}))
        for agent, *_ in calls:
            await agent.press("Hang up")
            await agent.finish()
    async with Supervisor(node) as supervisor:
        by_agent = {contact["Telephonist"]["Agent"]: contact["Id"] for contact in (await supervisor.contacts())[:2]}
        for username, (theirs, ours) in tones.items():
            await supervisor.delivered(by_agent[username])
            samples, rate = await supervisor.audio(by_agent[username])
            middle = samples[int(0.5 * rate) : int(-0.3 * rate)]
            assert_only(middle[:, 0], rate, theirs, *(everything - {theirs}))
            assert_only(middle[:, 1], rate, ours, *(everything - {ours}))


@pytest.mark.parametrize(
    ("number", "agent_side", "customer_side"), [(FROM_AGENT, True, False), (FROM_CUSTOMER, False, True)]
)
async def test_only_the_wanted_side_is_recorded(
    node: Node, playwright: Playwright, tmp_path: Path, number: str, agent_side: bool, customer_side: bool
) -> None:
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        async with customer(node, number, CUSTOMER) as caller:
            await talk(caller, agent)
        await agent.finish()
    samples, rate, _ = await recorded(node)
    middle = samples[int(0.5 * rate) : int(-0.3 * rate)]
    for side, frequency, wanted in ((0, CUSTOMER, customer_side), (1, AGENT, agent_side)):
        if wanted:
            assert_only(middle[:, side], rate, frequency)
        else:
            assert_silent(samples[:, side])


async def test_without_recording_there_is_nothing(node: Node, playwright: Playwright, tmp_path: Path) -> None:
    before = set(node.files(node.places.store))
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        async with customer(node, NOTHING, CUSTOMER) as caller:
            await talk(caller, agent)
            during = [path for path in node.files(node.places.spool) if path.stat().st_size > 0]
            await expect(agent.card.locator(".badge.recording")).to_contain_text("Not recorded")
        await agent.finish()
    async with Supervisor(node) as supervisor:
        contact = await last_contact(supervisor)
        described = await supervisor.contact(contact)
        assert not described["Telephonist"].get("Recording")
        assert (await supervisor.post(f"/recordings/{contact}/tickets", {}))[0] == 404
    assert [path for path in during if contact in str(path) or "segment" in path.name] == []
    assert set(node.files(node.places.store)) == before
