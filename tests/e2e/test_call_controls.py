"""What an agent does within a call, at the page: hold, mute, digits, pauses of the recording, a reload."""

import asyncio
import subprocess
import time
from pathlib import Path

from playwright.async_api import Playwright, expect

from tests.e2e.agent_page import agent_at_work
from tests.e2e.callers import customer
from tests.e2e.node import COMMAND, Node
from tests.e2e.plan import BOTH, NOTHING
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import ABSENT, assert_only, assert_silent, end_of, part
from tests.e2e.talks import AGENT, CUSTOMER, OTHERS, recorded, talk
from tests.support.tones import level_of, rms_of

MUSIC = -40.0
"""dBFS that the hold music reaches in any second."""


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
