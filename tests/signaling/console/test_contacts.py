"""The supervisor's page: the list, one contact, and its recording."""

import time

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from recorder import api
from recorder.finalizing.encoding import Shape, make_encoder
from tests.support.console_site import AVAILABLE, Site, make_contact

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def supervisor(site: Site, page: Page) -> Page:
    site.signed_in, site.agent = True, False
    now = time.time()
    site.contacts = [
        make_contact(1, now - 600, "verified"),
        make_contact(2, now - 1200, "sealed", queue="Support"),
        make_contact(3, now - 1800, None, reason="AGENT_DISCONNECT"),
    ]
    site.peaks = {
        "per_second": 10,
        "left": [100] * 40,
        "right": [40] * 40,
        "duration_ms": 4000,
        "gaps": [{"party": 0, "start_ms": 1000, "end_ms": 1200, "cause": "overflow"}],
        "pauses": [],
        "parties": [{"index": 0, "role": "agent"}, {"index": 1, "role": "other"}, {"index": 2, "role": "other"}],
        "tracks": [],
    }
    await page.goto(site.url)
    await page.get_by_role("row").nth(1).wait_for()
    return page


async def test_the_list_shows_the_state_of_each_recording(site: Site, supervisor: Page) -> None:
    rows = supervisor.get_by_role("row")
    await expect(rows).to_have_count(4)
    await expect(rows.nth(1)).to_contain_text("+49305550001")
    await expect(rows.nth(1)).to_contain_text("verified")
    await expect(rows.nth(2)).to_contain_text("sealed")
    await expect(rows.nth(3)).to_contain_text("Not recorded")
    query = site.searches[0]
    assert (query["InstanceId"], query["TimeRange"]["Type"]) == ("i-1", "INITIATION_TIMESTAMP")
    assert query["TimeRange"]["EndTime"] - query["TimeRange"]["StartTime"] == 86400


async def test_the_filter_narrows_what_is_shown(supervisor: Page) -> None:
    await supervisor.get_by_role("searchbox").fill("support")
    await expect(supervisor.get_by_role("row")).to_have_count(2)
    await supervisor.get_by_role("searchbox").fill("nobody")
    await expect(supervisor.get_by_role("heading", name="Nothing matches the filter")).to_be_visible()


async def test_more_contacts_are_fetched_by_the_next_token(site: Site, supervisor: Page) -> None:
    site.contacts = [make_contact(n, time.time() - n) for n in range(60)]
    await supervisor.get_by_label("Time range").select_option(label="Last 7 days")
    await expect(supervisor.get_by_text("50 of 60")).to_be_visible()
    await supervisor.get_by_role("button", name="Show more").click()
    await expect(supervisor.get_by_text("60 of 60")).to_be_visible()
    assert site.searches[-1]["NextToken"] == "50"


async def test_a_recording_is_played_and_sought_by_keyboard(site: Site, supervisor: Page) -> None:
    await supervisor.get_by_role("link").filter(has_text=",").first.focus()
    await supervisor.keyboard.press("Enter")
    slider = supervisor.get_by_role("slider", name="Position")
    await slider.focus()
    await supervisor.keyboard.press("End")
    await expect(slider).to_have_attribute("aria-valuenow", "100")
    await supervisor.keyboard.press("Home")
    assert site.asked == []  # looking at it is not listening
    await supervisor.get_by_role("button", name="Play").click()
    await expect(supervisor.get_by_text("0:01 / 0:04")).to_be_visible()
    await supervisor.get_by_role("button", name="Pause").click()
    await expect(supervisor.get_by_role("button", name="Play")).to_be_visible()
    assert site.asked == [("tickets", {"Purpose": "LISTEN", "Recording": "AGENT"})]


async def test_the_waveform_has_both_sides_and_the_gap(supervisor: Page) -> None:
    await supervisor.get_by_role("row").nth(1).click()
    await expect(supervisor.get_by_text("gap: sound was lost")).to_be_visible()
    await expect(supervisor.get_by_text("not recorded: on hold")).to_be_hidden()
    inked = """canvas => {
      const {width, height} = canvas, paint = canvas.getContext("2d");
      const rows = (from, to) => paint.getImageData(width * 0.8, height * from, 60, height * (to - from)).data;
      const count = (data) => data.filter((value, at) => at % 4 === 3 && value > 0).length;
      return [count(rows(0, 0.5)), count(rows(0.5, 1))];
    }"""
    left, right = await supervisor.locator("canvas").evaluate(inked)
    assert left > 2 * right > 0


async def test_a_recording_on_its_way_is_played_when_it_is_there(site: Site, supervisor: Page) -> None:
    await supervisor.get_by_role("row").nth(2).click()
    await expect(supervisor.get_by_text("is on its way to the store")).to_be_visible()
    site.contacts[1]["Recordings"] = [AVAILABLE]
    await expect(supervisor.get_by_role("button", name="Play")).to_be_visible()


async def test_those_who_may_not_listen_are_told_so(site: Site, supervisor: Page) -> None:
    site.permissions = ["ContactSearch.View"]
    await supervisor.reload()
    await supervisor.get_by_role("row").nth(1).click()
    await expect(supervisor.get_by_text("You may not listen to recordings")).to_be_visible()
    await expect(supervisor.get_by_role("button", name="Play")).to_have_count(0)


async def test_a_contact_that_is_not_there_is_told(supervisor: Page) -> None:
    await supervisor.evaluate("location.hash = '#/contacts/unknown'")
    await expect(supervisor.get_by_role("alert").filter(has_text="It does not exist")).to_be_visible()


async def test_a_recording_is_downloaded_and_several_are_exported(site: Site, supervisor: Page) -> None:
    await supervisor.get_by_role("row").nth(1).click()
    async with supervisor.expect_download() as saved:
        await supervisor.get_by_role("button", name="Download").click()
    await (await saved.value).cancel()
    assert site.asked[-1] == ("tickets", {"Purpose": "DOWNLOAD", "Recording": "AGENT"})
    await supervisor.get_by_role("checkbox").first.check()
    async with supervisor.expect_download() as archive:
        await supervisor.get_by_role("button", name="Export 1 recording").click()
    assert (await archive.value).suggested_filename == "recordings.zip"
    *_, (what, body) = site.asked
    assert what == "export" and body == {"ContactIds": ["c-1"]}
    await expect(supervisor.get_by_role("checkbox", checked=True)).to_have_count(0)


async def test_each_party_alone_is_downloaded_where_there_are_tracks(site: Site, supervisor: Page) -> None:
    which = supervisor.get_by_label("Which sound to download")
    await supervisor.get_by_role("row").nth(1).click()
    await expect(supervisor.get_by_role("button", name="Download")).to_be_visible()
    await expect(which).to_have_count(0)
    site.peaks["tracks"] = [0, 1, 2]
    await supervisor.get_by_role("row").nth(2).click()
    await supervisor.get_by_role("row").nth(1).click()
    await expect(which.locator("option")).to_have_text(
        ["Both sides", "Agent alone", "Customer alone", "Party 3 alone"]
    )  # fmt: skip
    for label, asked in (("Agent alone", {"Track": 0}), ("Party 3 alone", {"Track": 2}), ("Both sides", {})):
        await which.select_option(label=label)
        async with supervisor.expect_download() as saved:
            await supervisor.get_by_role("button", name="Download").click()
        await (await saved.value).cancel()
        assert site.asked[-1] == ("tickets", {"Purpose": "DOWNLOAD", "Recording": "AGENT", **asked})


async def test_a_deletion_wants_a_reason_and_leaves_a_tombstone(site: Site, supervisor: Page) -> None:
    await supervisor.get_by_role("row").nth(1).click()
    await supervisor.get_by_role("button", name="Delete").click()
    dialog = supervisor.get_by_role("dialog", name="Delete the recording")
    await expect(dialog.get_by_role("button", name="Delete for good")).to_be_disabled()
    await dialog.get_by_role("button", name="Cancel").click()
    assert site.asked == []
    await supervisor.get_by_role("button", name="Delete").click()
    await dialog.get_by_label("Reason").last.fill("The customer asked for it.")
    await dialog.get_by_role("button", name="Delete for good").click()
    await expect(supervisor.get_by_text("The customer asked for it.")).to_be_visible()
    await expect(supervisor.get_by_role("button", name="Delete")).to_have_count(0)
    assert site.asked == [("delete", {"Reason": "The customer asked for it."})]


async def test_a_legal_hold_is_set_seen_and_cleared(site: Site, supervisor: Page) -> None:
    await supervisor.get_by_role("row").nth(1).click()
    for button, action in (("Legal hold", "Set legal hold"), ("Clear legal hold", "Clear legal hold")):
        await supervisor.get_by_role("button", name=button, exact=True).click()
        dialog = supervisor.get_by_role("dialog")
        await dialog.get_by_label("Reason").last.fill("Case 12")
        await dialog.get_by_role("button", name=action).click()
        await expect(dialog).to_have_count(0)
        hidden = button != "Legal hold"
        await expect(supervisor.get_by_role("button", name="Delete")).to_have_count(int(hidden))
    assert [what for what, _ in site.asked] == ["legal-hold", "legal-hold/clear"]


async def test_who_listened_and_why_it_was_set_aside_are_told(site: Site, supervisor: Page) -> None:
    entry = {"At": time.time(), "Actor": "u-2", "Username": "sue", "Outcome": "allowed", "Source": "", "Detail": {}}
    site.entries = [entry | {"Action": "ListenCallRecording"}, entry | {"Action": "CreateTicket"}]
    await supervisor.get_by_role("row").nth(1).click()
    await supervisor.get_by_text("Who listened").click()
    await expect(supervisor.locator(".trail li")).to_have_count(1)
    await expect(supervisor.locator(".trail li")).to_contain_text("sue listened")
    site.contacts[1]["Telephonist"]["Recording"] |= {"State": "quarantined", "Reason": "segment 2 is damaged"}
    await supervisor.get_by_role("row").nth(2).click()
    await expect(supervisor.get_by_text("segment 2 is damaged")).to_be_visible()


async def test_what_was_set_aside_is_tried_again_or_discarded(site: Site, supervisor: Page) -> None:
    reason = "segment 0: frame 3 is damaged"
    one = {"ContactId": "contact-1", "Type": "AGENT", "State": "quarantined", "Reason": reason, "Since": time.time()}
    waiting = one | {"ContactId": "contact-2", "State": "sealed", "Reason": "No space left on device"}
    for button, asked in (("Try again", ("retry", {})), ("Discard", ("delete", {"Reason": "It is lost."}))):
        site.aside = [one, waiting]
        await supervisor.reload()
        await supervisor.get_by_text("2 recordings need a look").click()
        items = supervisor.get_by_role("listitem").filter(has_text="Contact,")
        await expect(items).to_have_count(2)
        await expect(items.nth(0)).to_contain_text(reason)
        await expect(items.nth(1)).to_contain_text("tried again by itself")
        await expect(items.nth(1).get_by_role("button")).to_have_count(0)
        await items.nth(0).get_by_role("button", name=button).click()
        if button == "Discard":
            dialog = supervisor.get_by_role("dialog")
            await dialog.get_by_label("Reason").last.fill("It is lost.")
            await dialog.get_by_role("button", name="Discard for good").click()
        await expect(items).to_have_count(0)
        assert site.asked.pop() == asked


@pytest.mark.parametrize("format", ["flac", "opus"])
async def test_every_format_is_played_and_sought(site: Site, supervisor: Page, format: api.Format) -> None:
    at = np.arange(4 * 8000) / 8000
    sound = np.stack([8000 * np.sin(2 * np.pi * hertz * at) for hertz in (440, 700)], axis=1).astype(np.int16)
    encoder = make_encoder(format, Shape(8000, 2, len(sound)))
    site.sound = encoder.begin() + encoder.encode(sound) + encoder.finish(), api.FORMATS[format][1]
    await supervisor.get_by_role("row").nth(1).click()
    await supervisor.get_by_role("button", name="Play").click()
    await expect(supervisor.get_by_text("0:01 / 0:04")).to_be_visible()
    slider = supervisor.get_by_role("slider", name="Position")
    await slider.focus()
    await supervisor.keyboard.press("End")
    await expect(supervisor.get_by_role("button", name="Play")).to_be_visible()
    await expect(supervisor.get_by_text("0:04 / 0:04")).to_be_visible()


async def test_what_became_of_a_call_that_was_placed_is_told(site: Site, supervisor: Page) -> None:
    site.contacts[2]["Telephonist"] |= {"Outcome": "busy", "SipStatus": 486, "SipReason": "Q.850;cause=17"}
    await supervisor.get_by_role("row").nth(3).click()
    await expect(supervisor.get_by_text("Busy (SIP 486, Q.850;cause=17)")).to_be_visible()
    await expect(supervisor.get_by_text("Shown", exact=True)).to_be_visible()
