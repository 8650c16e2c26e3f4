"""Signing in and out, and what a profile opens."""

import pytest
from playwright.async_api import Page, expect

from tests.support.console_site import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_wrong_password_is_told_and_the_right_one_opens_the_agents_page(site: Site, page: Page) -> None:
    await page.goto(site.url)
    await page.get_by_label("Instance").fill("acme")
    await page.get_by_label("User name").fill("ada")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("Check them and try again")
    await page.get_by_label("Password").fill("right")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Ready for calls")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Instance")).to_have_value("acme")


async def test_a_profile_without_pages_is_told_what_to_ask_for(site: Site, page: Page) -> None:
    site.signed_in, site.agent, site.permissions = True, False, []
    await page.goto(site.url)
    await expect(page.get_by_role("heading", name="No page for you yet")).to_be_visible()


async def test_a_supervisor_has_no_softphone(site: Site, page: Page) -> None:
    site.signed_in, site.agent = True, False
    await page.goto(site.url)
    await expect(page.get_by_role("heading", name="No contacts in this time")).to_be_visible()
    assert site.desk.presence == []
