"""Calls that go out through a trunk: to a far end that rings, gives early media, answers, or does not."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Playwright, expect

from bench.call.sounds import tone
from bench.softphone.agent import SoftphoneAgent
from tests.bench.callee import Script, callee
from tests.e2e.agent_page import AgentPage, agent_at_work
from tests.e2e.node import Node
from tests.e2e.phones import connected, heard_by, over, softphone
from tests.e2e.plan import BOTH, CARRIER_PORT, FROM_AGENT, instance
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import ABSENT, assert_only, end_of
from tests.support.tones import level_of

INSTANCE = instance()["tenant"]["instance"]
CUSTOMER, AGENT = 1130, 700
RINGBACK = (440.0, 480.0)
NUMBER, DIALLED = "+49 30 123456", "+4930123456"


async def contact_of(node: Node, contact: str) -> dict[str, Any]:
    async with Supervisor(node) as supervisor:
        return await supervisor.completed(contact)


async def until(phone: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await phone.wait()


async def in_progress(agent: SoftphoneAgent, progress: str) -> None:
    async with asyncio.timeout(10):
        while agent.contact.get("progress") != progress:
            await asyncio.sleep(0.02)  # the agent keeps what it was told last


async def test_an_agent_dials_hears_it_ring_and_both_are_recorded(node: Node) -> None:
    early = Script(sound=tone(CUSTOMER), answers="early")
    async with callee(early, port=CARRIER_PORT) as far, softphone(node, "ann", AGENT) as agent:
        contact = await agent.dial(NUMBER)
        await connected(agent)
        await until(far.ringing)  # nobody is at the trunk's first target
        await in_progress(agent, "early")
        await asyncio.sleep(0.7)
        assert_only(*end_of(heard_by(agent), 0.4), CUSTOMER, AGENT)
        assert level_of(*end_of(far.heard, 0.4), AGENT) < ABSENT  # not before he has picked up
        far.pick_up()
        await until(far.up)
        await asyncio.sleep(1.5)
        assert_only(*end_of(heard_by(agent), 1.0), CUSTOMER, AGENT)
        assert_only(*end_of(far.heard, 1.0), AGENT, CUSTOMER)
        assert far.caller == BOTH
        far.hang_up()
        await over(agent)
    async with Supervisor(node) as supervisor:
        described = await supervisor.delivered(contact)
        samples, rate = await supervisor.audio(contact)
    middle = samples[int(0.3 * rate) : -int(0.3 * rate)]
    assert_only(middle[:, 0], rate, CUSTOMER, AGENT)
    assert_only(middle[:, 1], rate, AGENT, CUSTOMER)
    assert (described["InitiationMethod"], described["DisconnectReason"]) == ("OUTBOUND", "CUSTOMER_DISCONNECT")
    assert described["CustomerEndpoint"]["Address"] == DIALLED
    assert described["SystemEndpoint"]["Address"] == BOTH
    assert (described["Telephonist"]["Outcome"], described["Telephonist"]["SipStatus"]) == ("answered", 200)
    assert DIALLED not in node.log_text() and DIALLED[1:] not in node.log_text()


async def test_the_agent_hears_ringback_until_he_gives_up(node: Node) -> None:
    async with callee(Script(answers="never"), port=CARRIER_PORT) as far, softphone(node, "ann", AGENT) as agent:
        contact = await agent.dial(NUMBER)
        await in_progress(agent, "ringing")
        await asyncio.sleep(1.0)
        assert_only(*end_of(heard_by(agent), 0.5), RINGBACK[0], AGENT)
        await agent.hang_up()
        await until(far.over)
    described = await contact_of(node, contact)
    assert (described["DisconnectReason"], described["Telephonist"]["Outcome"]) == ("AGENT_DISCONNECT", "cancelled")


@pytest.mark.parametrize(
    ("script", "outcome", "status"),
    [
        (Script(status=486), "busy", 486),
        (Script(status=603), "rejected", 603),
        (Script(status=404), "failed", 404),
        (Script(answers="never"), "no_answer", 487),
    ],
)
async def test_why_nobody_answered_is_told_apart(node: Node, script: Script, outcome: str, status: int) -> None:
    async with callee(script, port=CARRIER_PORT), softphone(node, "ann", AGENT) as agent:
        contact = await agent.dial(NUMBER)
        await over(agent)
        assert (agent.contact["state"], agent.contact["reason"]) == ("ERROR", outcome)
    described = await contact_of(node, contact)
    assert (described["Telephonist"]["Outcome"], described["Telephonist"]["SipStatus"]) == (outcome, status)
    assert "AgentInfo" not in described and "Recording" not in described["Telephonist"]


async def test_an_agent_dials_in_the_browser_and_reads_that_it_is_busy(
    node: Node, playwright: Playwright, tmp_path: Path
) -> None:
    early = Script(sound=tone(CUSTOMER), answers="early")
    async with (
        callee(early, port=CARRIER_PORT) as far,
        agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent,
    ):
        await dial(agent, NUMBER)
        await expect(agent.card.get_by_text("you hear the other side’s network")).to_be_visible()
        await agent.in_state("CONNECTING")
        far.pick_up()
        await agent.in_state("CONNECTED")
        await asyncio.sleep(0.5)
        assert_only(*await agent.hear(1.0), CUSTOMER, AGENT)
        assert_only(*end_of(far.heard, 1.0), AGENT, CUSTOMER)
        await agent.press("Hang up")
        await until(far.over)
        await agent.finish()
        far.script = Script(status=486)
        await dial(agent, NUMBER)
        await agent.in_state("ERROR")
        await expect(agent.card.get_by_text("The number is engaged.")).to_be_visible()
        await agent.press("Clear contact")
        await agent.free()


async def dial(agent: AgentPage, number: str) -> None:
    await agent.page.get_by_label("Call a number").fill(number)
    await agent.page.get_by_role("button", name="Call", exact=True).click()


async def test_who_is_called_by_api_is_in_a_flow_when_he_answers_and_reaches_an_agent(node: Node) -> None:
    asked = {"InstanceId": INSTANCE, "ContactFlowId": f"flow-{BOTH}", "DestinationPhoneNumber": DIALLED}
    asked |= {"SourcePhoneNumber": FROM_AGENT, "Attributes": {"order": "4711"}}
    far_end = callee(Script(sound=tone(CUSTOMER)), port=CARRIER_PORT)
    async with far_end as far, softphone(node, "bob", AGENT) as agent, Supervisor(node) as supervisor:
        status, answer = await supervisor.put("/contact/outbound-voice", asked)
        assert status == 200, answer
        await until(far.up)
        assert far.caller == FROM_AGENT
        await connected(agent)
        await asyncio.sleep(1.2)
        assert_only(*end_of(heard_by(agent), 0.8), CUSTOMER, AGENT)
        assert_only(*end_of(far.heard, 0.8), AGENT, CUSTOMER)
        await agent.hang_up()
        await until(far.over)
        await over(agent)
        described = await supervisor.completed(answer["ContactId"])
    assert (described["InitiationMethod"], described["Attributes"]["order"]) == ("API", "4711")
    assert (described["Telephonist"]["Outcome"], described["DisconnectReason"]) == ("answered", "AGENT_DISCONNECT")
