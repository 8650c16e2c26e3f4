"""Phones in browsers that others made: SIP.js over a secure WebSocket."""

from pathlib import Path

from playwright.async_api import Playwright

from tests.e2e.callers import customer
from tests.e2e.desk_phones import page_of
from tests.e2e.node import Node
from tests.e2e.plan import BOTH
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import assert_only, end_of
from tests.e2e.web_phone import web_phone

CUSTOMER, AGENT = 440.0, 700.0


async def test_sip_js_registers_and_takes_a_call(node: Node, playwright: Playwright, tmp_path: Path) -> None:
    async with web_phone(playwright, AGENT, tmp_path) as phone, page_of(node, "bob") as page:
        assert await phone.register(node, "bob-page") == "Registered"
        await page.use_phone()
        async with customer(node, BOTH, CUSTOMER) as caller:
            await caller.answered()
            await page.until("CONNECTED")
            await phone.hear(0.5)
            at_phone = await phone.hear(1.0)
            assert_only(*at_phone, CUSTOMER, AGENT)
            assert_only(*end_of(caller.heard, 0.8), AGENT, CUSTOMER)
            await phone.hang_up()
            await page.until("ENDED")
            await phone.ended()
            contact = page.contact["contactId"]
        await page.ask("contact.clear")
    async with Supervisor(node) as supervisor:
        described = await supervisor.delivered(contact)
        samples, rate = await supervisor.audio(contact)
    assert described["DisconnectReason"] == "AGENT_DISCONNECT"
    middle = slice(int(0.5 * rate), int(-0.3 * rate))
    assert_only(samples[middle, 0], rate, CUSTOMER, AGENT)
    assert_only(samples[middle, 1], rate, AGENT, CUSTOMER)
