"""A third party is called into a call by his number: everybody hears whom he should, the agent's file has him on the
right and all others on the left, and nothing more once he has left."""

import asyncio
from pathlib import Path

from playwright.async_api import Playwright, expect

from bench.call.caller import Caller
from bench.call.sounds import tone
from tests.bench.callee import Callee, Script, callee
from tests.e2e.agent_page import AgentPage, agent_at_work
from tests.e2e.callers import customer
from tests.e2e.node import Node
from tests.e2e.plan import BOTH, CARRIER_PORT
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import ABSENT, end_of
from tests.e2e.test_transfer import SETTLED, assert_has, story
from tests.support.tones import level_of

CUSTOMER, ANN, BANK = 440.0, 700.0, 1000.0  # as in tests.e2e.test_transfer
NUMBER = "+49 30 654321"


async def test_a_third_party_by_number(node: Node, playwright: Playwright, tmp_path: Path) -> None:
    async with (
        callee(Script(status=486), port=CARRIER_PORT) as bank,
        agent_at_work(playwright, node, "ann", ANN, tmp_path) as ann,
        customer(node, BOTH, CUSTOMER) as caller,
    ):
        await caller.answered()
        await ann.accept()
        await caller.wait(1.0)
        await busy_and_taken_back(ann)
        await everybody_hears(caller, ann, bank, {CUSTOMER, ANN})
        bank.script = Script(sound=tone(int(BANK)), answers="early")
        await ask(ann, "to-bank")
        await expect(ann.card.get_by_text("you hear the other side’s network")).to_be_visible()
        bank.pick_up()
        await expect(ann.card).to_contain_text("You talk with The bank")
        assert bank.caller == BOTH
        await everybody_hears(caller, ann, bank, {ANN, BANK})
        await ann.press("Join all")
        await ann.in_state("CONNECTED")
        await everybody_hears(caller, ann, bank, {CUSTOMER, ANN, BANK})
        await ann.press("Hang up")
        await ann.finish()
        await everybody_hears(caller, None, bank, {CUSTOMER, BANK})
        bank.hang_up()
        async with asyncio.timeout(10):
            await caller.ended()
    await check_file_and_records(node)


async def ask(ann: AgentPage, choice: str) -> None:
    await ann.card.get_by_label("Transfer to").select_option(choice)
    await ann.press("Transfer")
    await ann.in_state("CONNECTED_ONHOLD")


async def busy_and_taken_back(ann: AgentPage) -> None:
    await ann.card.get_by_label("Transfer to").select_option(label="A phone number…")
    await ann.card.get_by_label("Phone number").fill(NUMBER)
    await ann.press("Transfer")
    await expect(ann.card).to_contain_text("The number is engaged.")
    await ann.in_state("CONNECTED_ONHOLD")
    await ann.press("Hold")
    await ann.in_state("CONNECTED")


async def everybody_hears(caller: Caller, ann: AgentPage | None, bank: Callee, here: set[float]) -> None:
    """Those who are in the call together, `here`, hear the others of them and nobody else; for two seconds."""
    await asyncio.sleep(SETTLED)
    if ann is not None:
        assert_has(end_of(await ann.hear(1.2), 1.0), *(here - {ANN}))
    else:
        await asyncio.sleep(1.2)
    assert_has(end_of(caller.heard, 1.0), *(here - {CUSTOMER} if CUSTOMER in here else ()))
    if BANK in here:
        assert_has(end_of(bank.heard, 1.0), *(here - {BANK}))
    await asyncio.sleep(SETTLED)


async def check_file_and_records(node: Node) -> None:
    async with Supervisor(node) as supervisor:
        ids = [str(contact["Id"]) for contact in (await supervisor.contacts())[:3]]
        answered, engaged, first = [await supervisor.completed(id) for id in ids]
        of_ann = await supervisor.delivered(first["Id"])
        samples, rate = await supervisor.audio(first["Id"])
    for told, outcome, status in ((answered, "answered", 200), (engaged, "busy", 486)):
        assert told["InitiationMethod"] == "EXTERNAL_OUTBOUND"
        assert told["PreviousContactId"] == told["InitialContactId"] == first["Id"]
        assert (told["Telephonist"]["Outcome"], told["Telephonist"]["SipStatus"]) == (outcome, status)
        assert "Recording" not in told["Telephonist"]
    assert answered["CustomerEndpoint"]["Address"] == "+4930123456"
    assert (answered["DisconnectReason"], of_ann["DisconnectReason"]) == ("THIRD_PARTY_DISCONNECT", "AGENT_DISCONNECT")
    assert of_ann["Telephonist"]["NextContactId"] == answered["Id"]
    assert story(samples[:, 0], rate) == [{CUSTOMER}, {BANK}, {CUSTOMER, BANK}]
    assert story(samples[:, 1], rate) == [{ANN}]
    assert all(level_of(samples[:, 0], rate, stranger) < ABSENT for stranger in (ANN,))
    assert all(level_of(samples[:, 1], rate, stranger) < ABSENT for stranger in (CUSTOMER, BANK))
    connected = of_ann["DisconnectTimestamp"] - of_ann["AgentInfo"]["ConnectedToAgentTimestamp"]
    assert abs(len(samples) / rate - connected) < 0.2  # it stops with the agent
    assert "4930654321" not in node.log_text()
