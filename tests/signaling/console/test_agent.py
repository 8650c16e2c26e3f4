"""The agent's page from the ring to the cleared contact, with a scripted contact centre."""

import asyncio
import time

import msgspec
import pytest
from playwright.async_api import Page, expect

from signaling.softphone.errors import Code, RpcError
from signaling.softphone.protocol import (
    AcceptContact,
    ClearContact,
    Contact,
    DialContact,
    Dialled,
    HoldContact,
    RejectContact,
    RenewMedia,
    Request,
    ResumeRecording,
    SecurePause,
    SecureState,
    SendDigits,
    SetEndpoint,
    SetStatus,
    StopRecording,
    SuspendRecording,
)
from tests.support.console_site import Site
from tests.support.desk import CONTACT
from vault.pii import Pii

pytestmark = pytest.mark.asyncio(loop_scope="session")


def ring(site: Site) -> Contact:
    now = time.time()
    return site.change_contact(msgspec.structs.replace(CONTACT, since=now, expires_at=now + 20))


async def test_a_ring_says_who_calls_whom_and_for_how_long(site: Site, agent: Page) -> None:
    ring(site)
    await expect(agent.get_by_role("heading", name="+4930555001")).to_be_visible()
    await expect(agent.get_by_text("Sales", exact=True)).to_be_visible()
    await expect(agent.get_by_text("dialled +4930555000")).to_be_visible()
    await expect(agent.get_by_role("timer", name="Seconds left to accept")).to_have_text("19")
    assert await agent.title() == "Call from +4930555001"
    await agent.get_by_role("button", name="Reject").click()
    await expect(agent.get_by_role("button", name="Reject")).to_be_enabled()
    assert [request for _, request in site.desk.seen] == [RejectContact("c-1")]


async def test_a_refused_accept_is_told_in_the_card(site: Site, agent: Page) -> None:
    site.desk.answer = lambda request: RpcError(Code.WRONG_STATE, "Another agent has taken the call.")
    ring(site)
    await agent.get_by_role("button", name="Accept").click()
    await expect(agent.get_by_role("alert").filter(has_text="Another agent")).to_be_visible()
    request = site.desk.seen[0][1]
    assert isinstance(request, AcceptContact)
    assert "opus/48000" in (request.sdp or "")


async def test_a_ring_calls_the_agent_back_to_the_page(site: Site, agent: Page) -> None:
    await agent.get_by_role("link", name="Contacts").click()
    ring(site)
    await expect(agent.get_by_role("button", name="Accept")).to_be_visible()


async def test_hold_recording_and_after_contact_work_are_shown(site: Site, agent: Page) -> None:
    site.desk.answer = lambda request: RpcError(Code.UNAVAILABLE, "Draining.")
    contact = site.change_contact(ring(site), state="CONNECTED", connected_at=time.time() - 61, recording="recording")
    await expect(agent.get_by_role("timer", name="Time connected")).to_have_text("1:01")
    await expect(agent.get_by_text("Recording", exact=True)).to_be_visible()
    hold = agent.get_by_role("button", name="Hold")
    await expect(hold).to_have_attribute("aria-pressed", "false")
    await hold.click()
    contact = site.change_contact(contact, state="CONNECTED_ONHOLD", on_hold=True, recording="paused")
    await expect(hold).to_have_attribute("aria-pressed", "true")
    await expect(agent.get_by_text("Recording silence")).to_be_visible()
    assert HoldContact("c-1", True) in [request for _, request in site.desk.seen]

    contact = site.change_contact(contact, state="ENDED", since=time.time(), reason="CUSTOMER_DISCONNECT")
    await expect(agent.get_by_text("The caller hung up.")).to_be_visible()
    await agent.get_by_role("button", name="Clear contact").click()
    site.remove_contact(contact)
    await expect(agent.get_by_role("heading", name="Ready for calls")).to_be_visible()
    assert site.desk.seen[-1][1] == ClearContact("c-1")


async def test_the_recording_is_paused_secured_and_stopped(site: Site, agent: Page) -> None:
    talking = {"state": "CONNECTED", "connected_at": time.time() - 5, "recording": "recording"}
    contact = site.change_contact(ring(site), **talking, controls=("securePause", "suspend", "stop"))
    await agent.get_by_role("button", name="Pause recording").click()
    contact = site.change_contact(contact, recording="suspended", controls=("securePause", "resume", "stop"))
    await expect(agent.get_by_text("Recording paused")).to_be_visible()
    await expect(agent.get_by_role("button", name="Pause recording")).to_be_hidden()
    await agent.get_by_role("button", name="Resume recording").click()
    await agent.get_by_label("The secure pause lasts").select_option(label="until 16 digits are in")
    await agent.get_by_role("button", name="Secure pause").click()
    contact = site.change_contact(
        contact, recording="secured", secure=SecureState(16, 4, False), controls=("secureResume",)
    )
    await expect(agent.get_by_text("4 of 16 digits")).to_be_visible()
    await expect(agent.get_by_text("the caller’s keys are hidden")).to_be_visible()
    await agent.get_by_role("button", name="Go on").click()
    contact = site.change_contact(contact, recording="recording", secure=None, controls=("stop",))
    agent.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await agent.get_by_role("button", name="Stop recording").click()
    site.change_contact(contact, recording="stopped", controls=())
    await expect(agent.get_by_role("group", name="Recording")).to_be_hidden()
    asked = [request for _, request in site.desk.seen if not isinstance(request, RenewMedia)]
    assert asked == [
        SuspendRecording("c-1"),
        ResumeRecording("c-1"),
        SecurePause("c-1", True, 16),
        SecurePause("c-1", False),
        StopRecording("c-1"),
    ]


async def test_what_is_wrong_with_the_sound_is_shown_while_it_is(site: Site, agent: Page) -> None:
    contact = site.change_contact(ring(site), state="CONNECTED", connected_at=time.time(), customer_alarm="no_media")
    await expect(agent.get_by_text("Nothing comes from the caller’s line")).to_be_visible()
    site.change_contact(contact, customer_alarm=None, agent_alarm="silence")
    await expect(agent.get_by_text("No sound from your microphone for 30 seconds")).to_be_visible()
    await expect(agent.get_by_text("Nothing comes from the caller’s line")).to_have_count(0)


async def test_the_keypad_sends_what_is_pressed_and_typed(site: Site, agent: Page) -> None:
    contact = site.change_contact(ring(site), state="CONNECTED", connected_at=time.time())
    await agent.get_by_text("Keypad").click()
    await agent.get_by_role("button", name="5", exact=True).click()
    await agent.get_by_role("button", name="Hash").dblclick()
    await agent.keyboard.type("0a*")
    digits = [Pii(digit) for digit in "5##0*"]
    pressed: list[Request] = []
    while len(pressed) < len(digits):
        await asyncio.sleep(0.01)  # the desk has no event for it
        pressed = [request for _, request in site.desk.seen if isinstance(request, SendDigits)]
    assert pressed == [SendDigits("c-1", digit) for digit in digits]
    site.desk.answer = lambda request: RpcError(Code.UNAVAILABLE, "The digits could not be sent.")
    await agent.get_by_role("button", name="1", exact=True).click()
    await expect(agent.get_by_role("alert").filter(has_text="could not be sent")).to_be_visible()
    site.change_contact(contact, state="CONNECTED_ONHOLD", on_hold=True)
    await expect(agent.get_by_text("Keypad")).to_be_hidden()


async def test_a_missed_contact_is_cleared_by_hand(site: Site, agent: Page) -> None:
    site.change_contact(ring(site), state="MISSED", since=time.time())
    await expect(agent.get_by_text("Missed call")).to_be_visible()
    await expect(agent.get_by_role("button", name="Accept")).to_have_count(0)
    await agent.get_by_role("button", name="Clear contact").click()


async def test_the_status_is_chosen_and_shown(site: Site, agent: Page) -> None:
    await agent.get_by_role("radio", name="Lunch").check()
    site.change_agent(status="Lunch", routable=False, since=time.time())
    await expect(agent.get_by_role("heading", name="Lunch")).to_be_visible()
    await expect(agent.get_by_role("radio", name="Lunch")).to_be_checked()
    await expect(agent.get_by_role("heading", name="No calls for now")).to_be_visible()
    assert site.desk.seen == [("u-1", SetStatus("Lunch"))]
    site.change_agent(next_status="Offline")
    await expect(agent.get_by_text("Next, when you have cleared your contact: Offline")).to_be_visible()


async def test_a_refused_status_is_told_and_taken_back(site: Site, agent: Page) -> None:
    site.desk.answer = lambda request: RpcError(Code.FORBIDDEN, "You may not choose this status.")
    await agent.get_by_role("radio", name="Available").focus()
    await agent.keyboard.press("ArrowDown")
    await agent.keyboard.press("Enter")
    await expect(agent.get_by_role("alert").filter(has_text="You may not")).to_be_visible()
    await expect(agent.get_by_role("radio", name="Available")).to_be_checked()
    await expect(agent.get_by_role("radio", name="Offline")).to_be_focused()


async def test_a_cut_line_is_told_and_resumed_without_a_hole(site: Site, agent: Page) -> None:
    await agent.evaluate("sockets.at(-1).close()")
    ring(site)
    await expect(agent.get_by_role("alert").filter(has_text="is being made again")).to_be_visible()
    await expect(agent.get_by_role("button", name="Accept")).to_be_visible()
    await expect(agent.get_by_text("Connected", exact=True)).to_be_visible()
    assert site.desk.presence == ["+u-1", "~u-1", "+u-1"]  # there, cut, there again


async def test_a_reload_resumes_the_session(site: Site, agent: Page) -> None:
    ring(site)
    await agent.reload()
    await expect(agent.get_by_role("button", name="Accept")).to_be_visible()
    assert site.phones is not None
    assert (site.phones.stats["opened"], site.phones.stats["resumed"]) == (1, 1)


async def test_a_sign_in_elsewhere_is_told_and_can_be_taken_back(site: Site, agent: Page) -> None:
    other = await agent.context.new_page()
    await other.goto(site.url)
    await expect(agent.get_by_role("heading", name="The softphone is not connected")).to_be_visible()
    await agent.get_by_role("button", name="Use it here").click()
    await expect(agent.get_by_role("heading", name="Ready for calls")).to_be_visible()
    await expect(other.get_by_role("heading", name="The softphone is not connected")).to_be_visible()


async def test_signing_out_elsewhere_leads_back_to_the_sign_in(site: Site, agent: Page) -> None:
    assert site.phones is not None
    site.signed_in = False
    site.phones.sign_out("u-1")
    await expect(agent.get_by_label("Password")).to_be_visible()


async def test_a_phone_that_is_registered_can_be_chosen(site: Site, agent: Page) -> None:
    places = agent.get_by_role("radiogroup", name="Choose where you take calls")
    await expect(places).to_be_hidden()
    site.change_agent(endpoints=("browser", "phone"))
    await expect(places.get_by_role("radio", name="Calls in this browser")).to_be_checked()
    await places.get_by_role("radio", name="Calls on my phone").click()
    site.change_agent(endpoint="phone", endpoints=("browser", "phone"))
    await expect(places.get_by_role("radio", name="Calls on my phone")).to_be_checked()
    assert [request for _, request in site.desk.seen] == [SetEndpoint("phone")]
    site.change_agent(endpoint="phone", endpoints=("browser",), routable=False)
    await expect(agent.get_by_role("heading", name="Your phone is not registered")).to_be_visible()


async def test_a_contact_on_the_phone_has_no_sound_on_the_page(site: Site, agent: Page) -> None:
    ringing = msgspec.structs.replace(CONTACT, since=time.time(), expires_at=time.time() + 20, endpoint="phone")
    site.change_contact(ringing)
    await agent.get_by_role("button", name="Accept").click()
    site.change_contact(msgspec.structs.replace(ringing, state="CONNECTING"))
    await expect(agent.get_by_text("Your phone is being called.")).to_be_visible()
    site.change_contact(msgspec.structs.replace(ringing, state="CONNECTED", connected_at=time.time()))
    await expect(agent.get_by_text("On your phone.")).to_be_visible()
    await expect(agent.get_by_role("button", name="Connect the sound again")).to_be_hidden()
    await agent.get_by_role("button", name="Hold").click()
    await expect(agent.get_by_role("button", name="Hold")).to_be_enabled()
    assert [request for _, request in site.desk.seen] == [AcceptContact("c-1"), HoldContact("c-1", True)]
    assert await agent.evaluate("window.peers.length") == 0


async def test_an_agent_dials_and_reads_how_it_goes(site: Site, agent: Page) -> None:
    site.desk.answer = lambda request: (
        Dialled("c-1") if isinstance(request, DialContact) else RpcError(Code.UNAVAILABLE, "Draining.")
    )
    number = agent.get_by_label("Call a number")
    await number.fill("+49 30 555001")
    await agent.get_by_role("button", name="Call", exact=True).click()
    await expect(number).to_have_value("")
    assert site.desk.seen == [("u-1", DialContact(Pii("+49 30 555001")))]
    placed = msgspec.structs.replace(CONTACT, state="CONNECTING", outbound=True, progress="dialling", expires_at=None)
    contact = site.change_contact(placed)
    await expect(agent.get_by_text("Your call")).to_be_visible()
    await expect(agent.get_by_text("shown +4930555000")).to_be_visible()
    await expect(number).to_be_disabled()
    await agent.get_by_role("button", name="Hang up").click()
    contact = site.change_contact(contact, state="ERROR", outcome="busy", progress=None, reason="busy")
    await expect(agent.get_by_text("The number is engaged.")).to_be_visible()
    await agent.get_by_role("button", name="Clear contact").click()
    site.remove_contact(contact)
    await expect(number).to_be_enabled()
    site.change_agent(may_dial=False)
    await expect(number).to_be_hidden()


async def test_a_number_that_cannot_be_dialled_is_told_beside_it(site: Site, agent: Page) -> None:
    site.desk.answer = lambda request: RpcError(Code.INVALID_PARAMS, "no trunk takes that number.")
    await agent.get_by_label("Call a number").fill("999")
    await agent.get_by_role("button", name="Call", exact=True).click()
    await expect(agent.get_by_role("alert").filter(has_text="no trunk takes")).to_be_visible()
    await expect(agent.get_by_label("Call a number")).to_have_value("999")
