"""Calls from a SIP trunk to an agent's browser: who hears whom, and what is in the file."""

import asyncio
import re
import subprocess
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Playwright, expect

from bench.call.caller import Caller
from bench.call.errors import Rejected
from bench.call.negotiation import Srtp
from signaling.sip.flow import Transport
from tests.e2e.agent_page import AgentPage, agent_at_work
from tests.e2e.callers import CALLER, customer
from tests.e2e.node import COMMAND, Node
from tests.e2e.plan import AUTOMATED, BOTH, FROM_AGENT, FROM_CUSTOMER, NOTHING
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import ABSENT, assert_begins_with, assert_only, assert_silent, end_of, part
from tests.support.tones import Samples, level_of, rms_of

CUSTOMER, AGENT = 440.0, 700.0
MUSIC = -40.0
"""dBFS that the hold music reaches in any second."""
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


async def test_hold_and_mute_are_heard_and_recorded_as_they_should(
    node: Node, playwright: Playwright, tmp_path: Path
) -> None:
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        async with customer(node, BOTH, CUSTOMER) as caller:
            await caller.answered()
            await agent.accept()
            began = time.monotonic()
            await caller.wait(2.0)
            await agent.press("Hold")
            await agent.in_state("CONNECTED_ONHOLD")
            held = time.monotonic() - began
            await caller.wait(0.5)
            assert_silent((await agent.hear(1.0))[0])
            samples, rate = end_of(caller.heard, 1.0)
            assert rms_of(samples) > MUSIC
            assert level_of(samples, rate, AGENT) < ABSENT
            await agent.press("Hold")
            await agent.in_state("CONNECTED")
            resumed = time.monotonic() - began
            await caller.wait(1.5)
            await agent.press("Mute")
            muted = time.monotonic() - began
            await caller.wait(0.5)
            in_browser = await agent.hear(1.0)
            assert_only(*in_browser, CUSTOMER)
            assert_silent(end_of(caller.heard, 0.8)[0])
            ended = time.monotonic() - began
        await agent.finish()
    samples, rate, _ = await recorded(node)
    customer_side, agent_side = samples[:, 0], samples[:, 1]
    assert_only(part(agent_side, rate, held + 0.3, resumed - 0.3), rate, AGENT)
    assert_silent(part(customer_side, rate, held + 0.3, resumed - 0.3))
    assert_only(part(customer_side, rate, resumed + 0.3, muted - 0.1), rate, CUSTOMER, *OTHERS)
    assert_only(part(customer_side, rate, muted + 0.3, ended), rate, CUSTOMER)
    assert_silent(part(agent_side, rate, muted + 0.3, ended))


async def test_digits_of_the_keypad_reach_the_caller_and_his_are_no_sound(
    node: Node, playwright: Playwright, tmp_path: Path
) -> None:
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        async with customer(node, NOTHING, CUSTOMER) as caller:
            await caller.answered()
            await agent.accept()
            await agent.card.get_by_text("Keypad").click()
            for digit in "159":
                await agent.card.get_by_role("button", name=digit, exact=True).click()
            await caller.wait(caller.dial("42") + 0.8)
            assert caller.digits == "159"
            assert_only(*end_of(caller.heard, 0.4), AGENT, CUSTOMER)
        await agent.finish()


async def test_a_recording_is_paused_secured_proved_and_deleted(
    node: Node, playwright: Playwright, tmp_path: Path
) -> None:
    marks: dict[str, float] = {}
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        badge = agent.card.locator(".badge.recording")
        async with customer(node, BOTH, CUSTOMER) as caller:
            await caller.answered()
            await agent.accept()
            began = time.monotonic()

            async def press(button: str, state: str) -> None:
                """Notes when it was pressed, and when the page said that it was done."""
                marks[f"before {button}"] = time.monotonic() - began
                await agent.press(button)
                await expect(badge).to_have_text(state)
                marks[f"after {button}"] = time.monotonic() - began

            await caller.wait(1.2)
            await press("Pause recording", "Recording paused")
            await caller.wait(1.0)
            await press("Resume recording", "Recording")
            await caller.wait(1.2)
            await agent.card.get_by_label("The secure pause lasts").select_option(label="until 4 digits are in")
            await press("Secure pause", "Secure pause")
            await caller.wait(0.8)
            marks["before digits"] = time.monotonic() - began
            await caller.wait(caller.dial("4711"))
            await expect(badge).to_have_text("Recording")
            marks["after digits"] = time.monotonic() - began
            await caller.wait(1.5)
            ended = time.monotonic() - began
        await agent.finish()
    samples, rate, described = await recorded(node)
    tones = ((samples[:, 0], CUSTOMER), (samples[:, 1], AGENT))
    silences = (("after Pause recording", "before Resume recording"), ("after Secure pause", "before digits"))
    for side, frequency in tones:
        for start, end in silences:
            assert_silent(part(side, rate, marks[start] + 0.3, marks[end] - 0.1))
        for at, to in ((0.5, marks["before Pause recording"] - 0.2), (marks["after digits"] + 0.5, ended - 0.3)):
            assert_only(part(side, rate, at, to), rate, frequency, *OTHERS)
        resumed = part(side, rate, marks["after Resume recording"] + 0.3, marks["before Secure pause"] - 0.1)
        assert_only(resumed, rate, frequency)
    acts = [(act["Act"], act["By"]) for act in described["Telephonist"]["RecordingActs"]]
    ann = described["AgentInfo"]["Id"]
    assert acts == [
        ("START", "flow"), ("SUSPEND", ann), ("RESUME", ann), ("SECURE_PAUSE", ann), ("SECURE_RESUME", "digits"),
    ]  # fmt: skip
    assert b"4711" not in node.log.read_bytes()
    await delete(node, described["Id"])


async def delete(node: Node, contact: str) -> None:
    """It is whole before, and a tombstone and an entry in the trail afterwards."""
    proof = ("recording", "verify", contact, "--data", str(node.places.data))
    whole = await asyncio.to_thread(subprocess.run, [*COMMAND, *proof], capture_output=True, text=True)
    assert whole.returncode == 0 and "manifest" in whole.stdout, whole.stdout + whole.stderr
    async with Supervisor(node) as supervisor:
        status, _ = await supervisor.post(f"/recordings/{contact}/delete", {"Reason": "The customer asked for it."})
        assert status == 200
        described = await supervisor.contact(contact)
        assert [(one["Status"], one["DeletionReason"]) for one in described["Recordings"]] == [
            ("DELETED", "The customer asked for it.")
        ]
        assert described["Telephonist"]["Recording"]["Deleted"]["By"] == "sue"
        assert (await supervisor.post(f"/recordings/{contact}/tickets", {}))[0] == 404
    assert not [path for path in node.files(node.places.store) if contact in path.name]
    gone = await asyncio.to_thread(subprocess.run, [*COMMAND, *proof], capture_output=True, text=True)
    assert gone.returncode == 0 and "deleted by sue" in gone.stdout, gone.stdout


async def test_an_offer_that_is_not_accepted_goes_to_the_next_agent(
    node: Node, playwright: Playwright, tmp_path: Path
) -> None:
    async with (
        agent_at_work(playwright, node, "ann", AGENT, tmp_path) as first,
        agent_at_work(playwright, node, "bob", AGENT, tmp_path) as second,
        customer(node, BOTH, CUSTOMER) as caller,
    ):
        await caller.answered()
        await first.in_state("INCOMING")
        await first.in_state("MISSED", seconds=25)
        await second.accept()
        await second.press("Hang up")
        await caller.ended()
        await second.finish()
        await first.press("Clear contact")
        await first.free()


async def test_a_reloaded_page_takes_its_call_over(node: Node, playwright: Playwright, tmp_path: Path) -> None:
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        async with customer(node, BOTH, CUSTOMER) as caller:
            await talk(caller, agent, 2.0)
            await agent.page.reload()
            await agent.in_state("CONNECTED")
            await expect(agent.card.get_by_role("status")).to_have_count(0)  # it tells of a sound that is not there
            await caller.wait(1.5)
            assert_only(*end_of(caller.heard, 1.0), AGENT, CUSTOMER)
            assert_only(*await agent.hear(1.0), CUSTOMER)
        await agent.finish()


async def test_the_metrics_tell_of_workers_and_calls(node: Node) -> None:
    async with Supervisor(node) as supervisor:
        before = await supervisor.metrics()
        async with customer(node, NOTHING, CUSTOMER) as caller:
            await caller.answered()
            await caller.wait(1.3)
            during = await supervisor.metrics()
    names = [f'telephonist_worker_legs{{worker="relay-{number}"}}' for number in range(2)]
    assert sum(during[name] for name in names) == 1
    assert during['telephonist_worker_ticks_total{worker="relay-0"}'] > 50
    for kind in ("arrived", "answered"):
        name = f'telephonist_calls_total{{kind="{kind}"}}'
        assert during[name] == before.get(name, 0) + 1
    assert not any(CALLER in name for name in during)


async def test_sound_from_another_address_is_not_heard(node: Node, playwright: Playwright, tmp_path: Path) -> None:
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        async with customer(node, BOTH, CUSTOMER) as caller:
            await talk(caller, agent, 2.0)
            caller.send_from("127.0.0.3")
            await caller.wait(0.6)
            assert_silent((await agent.hear(1.0))[0])
            assert_only(*end_of(caller.heard, 0.8), AGENT)
            # Which of the two depends on whether a report of the caller's has come that says what he hears.
            alarm = agent.card.get_by_text(re.compile("Nothing comes from the caller|goes one way only"))
            await expect(alarm).to_be_visible()
            caller.send_from(None)
            await expect(alarm).to_have_count(0)
        await agent.finish()


@pytest.mark.parametrize(
    ("number", "transport", "host", "status"),
    [("+15559999", "udp", None, 404), (BOTH, "udp", "127.0.0.9", 403), (BOTH, "tls", None, 488)],
)
async def test_calls_that_may_not_be_are_refused(
    node: Node, number: str, transport: Transport, host: str | None, status: int
) -> None:
    async with customer(node, number, CUSTOMER, transport, local_host=host) as caller:
        with pytest.raises(Rejected) as refused:
            await caller.answered()
    assert refused.value.status == status
