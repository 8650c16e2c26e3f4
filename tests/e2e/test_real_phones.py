"""Calls from and to SIP stacks that are not ours: sipp with scenarios for what trunks do, baresip over TLS with SRTP as
a caller and as the phone of an agent, SIP.js in a browser as another."""

import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Playwright

from signaling.sip.flow import Transport
from tests.e2e import own_network
from tests.e2e.callers import customer
from tests.e2e.desk_phones import page_of
from tests.e2e.node import Node
from tests.e2e.phones import Ear, Sipp, connected, heard_by, over, softphone, write_voice
from tests.e2e.plan import BOTH
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import ABSENT, LOUD, assert_only, assert_silent, end_of
from tests.e2e.web_phone import web_phone
from tests.support.tones import Samples

CUSTOMER, AGENT = 440, 700
TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp")
PAUSE = 2.0
"""How long scenarios pause: longer than the flow takes until an agent is there."""
HOLD = 1.0
"""How long the other side holds us, in hold.xml."""
MOVED = 0.8
"""How long it then listens at each of its ports."""
MUSIC = -40.0
"""dBFS that the hold music reaches in any second."""


async def contacts(node: Node) -> list[dict[str, Any]]:
    async with Supervisor(node) as supervisor:
        return await supervisor.contacts()


async def recording(node: Node, contact: str) -> tuple[Samples, int]:
    """The middle of it."""
    async with Supervisor(node) as supervisor:
        assert_complete(await supervisor.delivered(contact))
        samples, rate = await supervisor.audio(contact)
    return samples[int(0.2 * rate) : int(-0.2 * rate)], rate


def assert_complete(contact: dict[str, Any]) -> None:
    """A call that the customer ended, after an agent had it."""
    assert contact["DisconnectReason"] == "CUSTOMER_DISCONNECT"
    assert contact["InitiationMethod"] == "INBOUND"
    joined = contact["AgentInfo"]["ConnectedToAgentTimestamp"]
    assert contact["InitiationTimestamp"] <= joined <= contact["DisconnectTimestamp"]


async def test_the_call_that_sipp_has_built_in_over_udp_and_tcp(node: Node, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(softphone(node, username, AGENT)) for username in ("ann", "bob")]
        calls = [
            await stack.enter_async_context(Sipp(node, tmp_path, "uac", transport, PAUSE, built_in=True))
            for transport in TRANSPORTS
        ]
        for agent in agents:
            await connected(agent)
            assert agent.contact["customer"] == "sipp"
        for call in calls:
            await call.done()
        for agent in agents:
            await over(agent)
    for contact in (await contacts(node))[:2]:
        samples, rate = await recording(node, contact["Id"])
        assert_silent(samples[:, 0])
        assert_only(samples[:, 1], rate, AGENT)


@pytest.mark.parametrize(
    ("scenario", "law", "transport"), [("media", "PCMA", "tcp"), ("late", "PCMU", "udp"), ("lost-ack", "PCMU", "udp")]
)
async def test_the_voice_of_sipp_is_heard_and_recorded(
    node: Node, tmp_path: Path, scenario: str, law: str, transport: Transport
) -> None:
    write_voice(tmp_path, CUSTOMER, law)
    async with (
        softphone(node, "ann", AGENT) as agent,
        Sipp(node, tmp_path, scenario, transport, PAUSE, more=("-nr",)) as sipp,
    ):
        await connected(agent)
        await sipp.done()
        await over(agent)
        assert_only(*end_of(heard_by(agent), 0.6), CUSTOMER, AGENT)
    samples, rate = await recording(node, (await contacts(node))[0]["Id"])
    assert_only(samples[:, 0], rate, CUSTOMER, AGENT)
    assert_only(samples[:, 1], rate, AGENT, CUSTOMER)


async def test_digits_that_sipp_presses_reach_the_agents_phone(node: Node, tmp_path: Path) -> None:
    async with (
        softphone(node, "ann", AGENT) as agent,
        Sipp(node, tmp_path, "digits", pause=PAUSE) as sipp,
    ):
        await connected(agent)
        await sipp.done()
        await over(agent)
        assert agent.peer is not None
        assert agent.peer.receiver.digits.digits == "159#"


async def test_a_side_that_holds_us_gets_nothing_and_one_that_moves_is_followed(node: Node, tmp_path: Path) -> None:
    with Ear(node.addresses.host) as ear, Ear(node.addresses.host) as other:
        more = ("-key", "ear", str(ear.number), "-key", "other_ear", str(other.number))
        async with (
            softphone(node, "ann", AGENT) as agent,
            Sipp(node, tmp_path, "hold", pause=PAUSE, more=more) as sipp,
        ):
            await connected(agent)
            await sipp.done()
            await over(agent)
    before, gap, after = ear.around_longest_gap()
    assert gap == pytest.approx(HOLD, abs=0.2)
    for sound in (before[-4000:], after[800:], other.heard()[800:]):
        assert_only(sound, 8000, AGENT)
    assert (len(after) / 8000, len(other.heard()) / 8000) == pytest.approx((MOVED, MOVED), abs=0.2)
    samples, rate = await recording(node, (await contacts(node))[0]["Id"])
    assert_only(samples[:, 1], rate, AGENT)


@pytest.mark.parametrize("scenario", ["g729", "odd", "cancel"])
async def test_what_comes_to_no_call_is_answered_as_it_should(node: Node, tmp_path: Path, scenario: str) -> None:
    known = {contact["Id"] for contact in await contacts(node)}
    with without_media(node) if scenario == "cancel" else nullcontext():
        async with Sipp(node, tmp_path, scenario) as sipp:
            await sipp.done()
    assert {contact["Id"] for contact in await contacts(node)} == known


@contextmanager
def without_media(node: Node) -> Iterator[None]:
    """The workers stand still, so that no call can be answered."""
    workers = [node.pid("relay", number) for number in ("0", "1")]
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGCONT)


def assert_levels(levels: dict[str, float], wanted: str, *others: str) -> None:
    assert levels[wanted] > LOUD, levels
    assert all(levels[other] < ABSENT for other in others), levels


async def test_baresip_over_tls_with_srtp(tmp_path: Path) -> None:
    results = await own_network.run_module("tests.e2e.baresip_calls", str(tmp_path))
    assert set(results) == {"PCMU", "PCMA", "opus"}
    for result in results.values():
        assert_complete(result["contact"])
        talk, file = result["heard"]["talk"], result["file"]
        assert_levels(talk["other"], "customer", "agent")
        assert_levels(talk["phone"], "agent", "customer")
        assert_levels(file["left"], "customer", "agent")
        assert_levels(file["right"], "agent", "customer")
    held, muted = results["PCMU"]["heard"]["hold"], results["PCMU"]["heard"]["mute"]
    assert held["phone"]["all"] > MUSIC
    assert held["phone"]["agent"] < ABSENT
    assert held["other"]["all"] < ABSENT
    assert muted["phone"]["all"] < ABSENT
    assert_levels(muted["other"], "customer", "agent")


async def test_baresip_is_called_over_tls_and_encrypts_as_its_trunk_says(tmp_path: Path) -> None:
    results = await own_network.run_module("tests.e2e.baresip_called", str(tmp_path))
    refused = results.pop("refused")
    assert {name: result["secured"] for name, result in results.items()} == {
        "dtls": ["AEAD_AES_256_GCM"],
        "gcm": ["AEAD_AES_256_GCM"],
        "opportunistic": ["AES_CM_128_HMAC_SHA1_80"],
        "clear": [],
    }
    for result in results.values():
        assert_levels(result["heard"]["phone"], "agent", "customer")
        assert_levels(result["heard"]["other"], "customer", "agent")
        assert result["asserted"]
        assert result["contact"]["Telephonist"]["Outcome"] == "answered"
    told = refused["contact"]["Telephonist"]
    assert (told["Outcome"], told["SipStatus"], refused["reason"]) == ("failed", 488, "failed")


async def test_baresip_as_the_phones_of_agents(tmp_path: Path) -> None:
    results = await own_network.run_module("tests.e2e.baresip_phones", str(tmp_path))
    assert set(results) == {"sdes", "dtls", "between"}
    for name, result in results.items():
        contact, talk, file = result["contact"], result["heard"]["talk"], result["file"]
        assert contact["AgentInfo"]["ConnectedToAgentTimestamp"]
        assert contact["DisconnectReason"] == ("CUSTOMER_DISCONNECT" if name == "between" else "AGENT_DISCONNECT")
        assert_levels(talk["phone"], "customer", "agent")
        assert_levels(talk["other"], "agent", "customer")
        assert_levels(file["left"], "customer", "agent")
        assert_levels(file["right"], "agent", "customer")
        assert result["states"] == ["INCOMING", "CONNECTING", "CONNECTED", "ENDED"]
    held, muted = results["sdes"]["heard"]["hold"], results["sdes"]["heard"]["mute"]
    assert held["phone"]["all"] < ABSENT
    assert held["other"]["all"] > MUSIC
    assert held["other"]["agent"] < ABSENT
    assert muted["other"]["all"] < ABSENT
    assert_levels(muted["phone"], "customer", "agent")


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
