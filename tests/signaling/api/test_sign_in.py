from contextlib import ExitStack

import pytest

from signaling.api.errors import Throttled
from signaling.api.sessions import COOKIE, IDLE
from signaling.api.sign_in import AT_ONCE, PER_ACCOUNT, WINDOW, Gate, network_of
from signaling.center.audit import NOWHERE
from tests.signaling.api.house import Browser, House, error_of
from tests.signaling.store.samples import ACME, RIVAL


async def test_the_cookie_is_strict_and_opens_me(house: House) -> None:
    response = await house.sign_in("ada")
    assert response.status == 204
    header = response.headers["Set-Cookie"]
    assert header.startswith(f"{COOKIE}=") and "Domain" not in header
    assert {"HttpOnly", "Secure", "SameSite=Strict", "Path=/"} <= set(header.split("; "))
    assert len(response.cookies[COOKIE].value) >= 43
    me = await (await Browser(house.client, response.cookies[COOKIE].value).get("/me")).json()
    assert me == {
        "user": {"id": "user-1", "username": "ada", "name": "Ada of acme"},
        "tenant": {"account": ACME.account, "instance": ACME.instance, "alias": "acme"},
        "permissions": ["BasicAgentAccess", "CallRecordings.Pause", "OutboundCallAccess"],
        "agent": True,
    }


async def test_who_is_no_agent_is_told_so(house: House) -> None:
    me = await (await (await house.browser("sam")).get("/me")).json()
    assert me["agent"] is False
    assert "ContactSearch.View" in me["permissions"]


async def test_without_a_session_there_is_nothing(house: House) -> None:
    for path in ("/me", "/contacts/instance-acme/contact-1", "/recordings/contact-1/audio", "/recordings/x/peaks"):
        assert await error_of(await house.client.get(path)) == (401, "UnauthorizedException")
    for path in ("/sign-out", "/softphone/token", "/search-contacts"):
        assert await error_of(await house.client.post(path, json={})) == (401, "UnauthorizedException")
    stranger = Browser(house.client, "A" * 43)
    assert (await stranger.get("/me")).status == 401


async def test_what_is_wrong_is_not_said(house: House) -> None:
    wrong = [
        await house.sign_in("ada", password="wrong"),
        await house.sign_in("nobody"),
        await house.sign_in("ada", instance="nowhere"),
    ]
    assert {response.status for response in wrong} == {401}
    assert len({await response.text() for response in wrong}) == 1
    assert not any(COOKIE in response.cookies for response in wrong)


async def test_every_sign_in_is_audited_without_what_was_typed(house: House) -> None:
    await house.sign_in("ada")
    await house.sign_in("ada", password="wrong")
    await house.sign_in("hunter2")
    await house.sign_in("ada", instance="nowhere")
    rows = [row.event for row in await house.store.audit_events(ACME)]
    assert [(row.action, row.actor, row.resource, row.outcome) for row in rows] == [
        ("SignIn", "user-1", "user/user-1", "allowed"),
        ("SignIn", "", "user/user-1", "refused"),
        ("SignIn", "", "user", "refused"),
    ]
    assert {row.source for row in rows} == {"127.0.0.1"}
    assert "hunter2" not in repr(rows)
    assert len(await house.store.audit_events(NOWHERE)) == 1
    assert await house.store.audit_events(RIVAL) == []


async def test_a_session_ends_when_it_is_signed_out_or_idle(house: House) -> None:
    browser, other = await house.browser("ada"), await house.browser("ada")
    house.clock.now += IDLE - 1
    assert (await browser.get("/me")).status == 200
    house.clock.now += 2
    assert (await other.get("/me")).status == 401
    assert (await browser.post("/sign-out")).status == 204
    assert (await browser.get("/me")).status == 401
    assert (await house.store.audit_events(ACME))[-1].event.action == "SignOut"
    assert len(house.tickets.signed_out) == 1


async def test_signing_in_again_ends_the_session_before(house: House) -> None:
    browser = await house.browser("ada")
    body = {"instance": "acme", "username": "ada", "password": "correct horse"}
    assert (await browser.post("/sign-in", body)).status == 204
    assert (await browser.get("/me")).status == 401


async def test_an_account_is_throttled_and_let_in_again(house: House) -> None:
    for _ in range(PER_ACCOUNT):
        assert (await house.sign_in("ada", password="wrong")).status == 401
    held = await house.sign_in("ada")
    assert await error_of(held) == (429, "ThrottlingException")
    assert 0 < int(held.headers["Retry-After"]) <= WINDOW
    assert (await house.sign_in("sam")).status == 204
    assert (await house.sign_in("ada", instance="rival")).status == 204
    house.clock.now += WINDOW
    assert (await house.sign_in("ada")).status == 204


async def test_good_sign_ins_are_not_held_back(house: House) -> None:
    for _ in range(60):
        assert (await house.sign_in("ada")).status == 204


async def test_a_source_is_throttled_whatever_accounts_it_tries(house: House) -> None:
    statuses = [(await house.sign_in(f"user{number}", instance="nowhere")).status for number in range(51)]
    assert statuses == [401] * 50 + [429]
    assert (await house.sign_in("ada")).status == 429


def test_not_everybody_is_verified_at_once() -> None:
    gate = Gate()
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            stack.enter_context(gate.verifying())
        with pytest.raises(Throttled), gate.verifying():
            raise AssertionError("let in")
    with gate.verifying():
        assert True


async def test_bad_bodies_are_refused(house: House) -> None:
    for body in (
        '{"instance":',
        "[]",
        '{"instance":"acme"}',
        '{"instance":1,"username":"a","password":"b"}',
        "",
        "\udcff",
    ):
        data = body.encode("utf-8", "surrogateescape")
        response = await house.client.post("/sign-in", data=data, headers={"Content-Type": "application/json"})
        assert await error_of(response) == (400, "InvalidParameterException")
    half = b'{"instance":"acme","username":"\\ud800","password":"\\udc00"}'
    response = await house.client.post("/sign-in", data=half, headers={"Content-Type": "application/json"})
    assert response.status in (400, 401)


def test_one_subscriber_is_one_source() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9") != network_of("2001:db8:1:3::9")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("") == ""
