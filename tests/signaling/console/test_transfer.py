"""Transfers on the agent's page: whom to ask, who is in the call, and what became of a number that was called."""

import time

import msgspec
import pytest
from playwright.async_api import Page, expect

from signaling.softphone.protocol import Contact, Participant, QuickConnect, TransferContact
from tests.support.console_site import Site
from tests.support.desk import CONTACT
from vault.pii import Pii

pytestmark = pytest.mark.asyncio(loop_scope="session")
CUSTOMER = Participant("customer", "", "CONNECTED")
BANK = Participant("t-1", "The bank", "ASKED", number=Pii("+49301234"), progress="ringing")


def talking(site: Site, **changes: object) -> Contact:
    """An agent, who may dial, talks with a customer."""
    site.change_agent(may_dial=True, quick_connects=(QuickConnect("q-1", "The bank", "PHONE_NUMBER"),))
    contact = msgspec.structs.replace(CONTACT, state="CONNECTED", since=time.time(), participants=(CUSTOMER,))
    return site.change_contact(contact, **changes)


async def test_a_number_is_typed_in_or_chosen(site: Site, agent: Page) -> None:
    talking(site)
    choice, number = agent.get_by_label("Transfer to"), agent.get_by_label("Phone number")
    await expect(choice).to_have_value("q-1")
    await expect(number).to_be_hidden()
    await agent.get_by_role("button", name="Transfer").click()
    await choice.select_option(label="A phone number…")
    await number.fill("+49 30 1234")
    await number.press("Enter")
    await expect(agent.get_by_role("button", name="Transfer")).to_be_enabled()
    asked = [request for _, request in site.desk.seen if isinstance(request, TransferContact)]
    assert asked == [TransferContact("c-1", "q-1"), TransferContact("c-1", None, Pii("+49 30 1234"))]


async def test_how_far_the_call_is_and_who_is_in_it_is_shown(site: Site, agent: Page) -> None:
    held = msgspec.structs.replace(CUSTOMER, on_hold=True)
    contact = talking(site, state="CONNECTED_ONHOLD", on_hold=True, participants=(held, BANK))
    row = agent.locator('[data-participant="t-1"]')
    await expect(row).to_contain_text("It rings at the other side")
    await expect(row.get_by_role("button", name="Cancel")).to_be_visible()
    await expect(agent.get_by_text("Keypad")).to_be_hidden()
    there = msgspec.structs.replace(BANK, state="CONNECTED", progress=None, name="")
    contact = site.change_contact(contact, participants=(held, there))
    await expect(row).to_contain_text("+49301234")
    await expect(agent.get_by_text("Keypad")).to_be_visible()
    site.change_contact(contact, state="CONNECTED", on_hold=False, participants=(there,))
    await expect(agent.locator(".actions").get_by_text("Hold")).to_be_hidden()


async def test_who_does_not_come_is_told_until_the_caller_is_taken_back(site: Site, agent: Page) -> None:
    held = msgspec.structs.replace(CUSTOMER, on_hold=True)
    contact = talking(site, state="CONNECTED_ONHOLD", on_hold=True, participants=(held,), unreached="busy")
    await expect(agent.get_by_text("The number is engaged.")).to_be_visible()
    site.change_contact(contact, state="CONNECTED", on_hold=False, participants=(CUSTOMER,))
    await expect(agent.get_by_text("The number is engaged.")).to_be_hidden()
