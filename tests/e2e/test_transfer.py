"""A call goes from agent to agent, through a consultation and a conference: everybody hears whom he should, and each
agent's file has him on the right, all others on the left, and each tone where it belongs."""

import asyncio
from pathlib import Path

from playwright.async_api import Playwright, expect

from bench.call.caller import Caller
from tests.e2e.agent_page import AgentPage, agent_at_work
from tests.e2e.callers import customer
from tests.e2e.node import Node
from tests.e2e.plan import BOTH
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import ABSENT, LOUD, end_of
from tests.support.tones import Samples, level_of

CUSTOMER, ANN, BOB = 440.0, 700.0, 1000.0
TONES = (CUSTOMER, ANN, BOB)
SETTLED = 0.7
"""Seconds until a change is heard by everybody."""
WINDOW = 0.1


def assert_has(heard: tuple[Samples, int], *wanted: float) -> None:
    """These tones, and none of the others."""
    levels = {tone: round(level_of(*heard, tone), 1) for tone in TONES}
    for tone, level in levels.items():
        assert (level > LOUD) if tone in wanted else (level < ABSENT), f"{tone} Hz of {wanted}: {levels}"


async def everybody_hears(caller: Caller, ann: AgentPage | None, bob: AgentPage, here: set[float]) -> None:
    """Those who are in the call together, `here`, hear the others of them and nobody else; for two seconds."""
    await asyncio.sleep(SETTLED)
    pages = {tone: page for tone, page in ((ANN, ann), (BOB, bob)) if page is not None}
    heard = await asyncio.gather(*(page.hear(1.2) for page in pages.values()))
    for tone, sound in zip(pages, heard, strict=True):
        assert_has(end_of(sound, 1.0), *(here - {tone}))
    assert_has(end_of(caller.heard, 1.0), *(here - {CUSTOMER} if CUSTOMER in here else ()))
    await asyncio.sleep(SETTLED)


async def test_recording_follows_a_transfer(node: Node, playwright: Playwright, tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "bob").mkdir()
    async with (
        agent_at_work(playwright, node, "ann", ANN, tmp_path / "ann") as ann,
        customer(node, BOTH, CUSTOMER) as caller,
    ):
        await caller.answered()
        await ann.accept()
        await caller.wait(1.0)
        async with agent_at_work(playwright, node, "bob", BOB, tmp_path / "bob") as bob:
            await ann.card.get_by_label("Transfer to").select_option("to-bob")
            await ann.press("Transfer")
            await ann.in_state("CONNECTED_ONHOLD")
            await bob.accept("CONNECTED_ONHOLD")
            await everybody_hears(caller, ann, bob, {ANN, BOB})
            await expect(ann.card).to_contain_text("You talk with Bob")
            await ann.press("Join all")
            await ann.in_state("CONNECTED")
            await everybody_hears(caller, ann, bob, set(TONES))
            await ann.page.screenshot(path=tmp_path / "conference.png")
            await ann.press("Hang up")
            await ann.finish()
            await everybody_hears(caller, None, bob, {CUSTOMER, BOB})
            caller.hang_up()
            await bob.finish()
    await check_files(node)


def story(samples: Samples, rate: int) -> list[set[float]]:
    """Which tones sound together, one after the other; each for at least half a second. Where one begins or ends, and
    in silence, nothing is told."""
    size, told = int(WINDOW * rate), list[tuple[set[float], int]]()
    for start in range(0, len(samples) - size, size):
        levels = {tone: level_of(samples[start : start + size], rate, tone) for tone in TONES}
        here = {tone for tone, level in levels.items() if level > LOUD}
        if not here or any(ABSENT < level < LOUD for level in levels.values()):
            continue
        if told and told[-1][0] == here:
            told[-1] = here, told[-1][1] + 1
        else:
            told.append((here, 1))
    return [here for here, count in told if count * WINDOW >= 0.5]


async def check_files(node: Node) -> None:
    async with Supervisor(node) as supervisor:
        second, first = [str(contact["Id"]) for contact in (await supervisor.contacts())[:2]]
        told = {id: await supervisor.delivered(id) for id in (first, second)}
        assert told[second]["InitiationMethod"] == "TRANSFER"
        assert told[second]["PreviousContactId"] == told[second]["InitialContactId"] == first
        assert told[first]["Telephonist"]["NextContactId"] == second
        assert told[first]["AgentInfo"]["Id"] != told[second]["AgentInfo"]["Id"]
        (of_ann, rate), (of_bob, other) = [await supervisor.audio(id) for id in (first, second)]
    assert story(of_ann[:, 0], rate) == [{CUSTOMER}, {BOB}, {CUSTOMER, BOB}]
    assert story(of_ann[:, 1], rate) == [{ANN}]
    assert story(of_bob[:, 0], other) == [{ANN}, {CUSTOMER, ANN}, {CUSTOMER}]
    assert story(of_bob[:, 1], other) == [{BOB}]
    for side, its_rate, strangers in (
        (of_ann[:, 0], rate, (ANN,)), (of_ann[:, 1], rate, (CUSTOMER, BOB)),
        (of_bob[:, 0], other, (BOB,)), (of_bob[:, 1], other, (CUSTOMER, ANN)),
    ):  # fmt: skip
        assert all(level_of(side, its_rate, tone) < ABSENT for tone in strangers)
