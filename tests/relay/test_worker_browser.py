"""Browser legs of a worker process, with aiortc as the browser."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aioice.ice
import pytest

from ipc.messages import Refusal
from relay import api
from relay.api import Hear
from tests.relay.browser import RATE, Browser
from tests.relay.process import ADDRESS, WorkerProcess, media_port, offer, worker
from tests.support.tones import level_of, tone

BOTH = (Hear("agent", "customer"), Hear("customer", "agent"))


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """aioice never offers the loopback address by itself."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: [ADDRESS])


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    async with worker(tmp_path) as process:
        yield process


async def join(running: WorkerProcess, browser: Browser) -> api.Media:
    media: api.Media = await running.ask(api.AddBrowserLeg("agent", "room", ADDRESS, await browser.offer()))
    await browser.take(media.sdp)
    assert (await running.expect(api.LegUp)).leg == "agent"
    return media


async def test_a_browser_and_a_caller_hear_each_other(running: WorkerProcess) -> None:
    caller, browser = await running.rtp_peer(1), Browser(700)
    to_caller = await running.ask(api.AddRtpLeg("customer", "room", ADDRESS, offer(caller.port), codecs=("PCMU",)))
    media = await join(running, browser)
    assert media.codec == "opus/48000"
    assert media.encrypted
    await running.ask(api.SetRoom("room", BOTH))
    await caller.talk(tone(440, 1.5, 8000), (ADDRESS, media_port(to_caller.sdp)))
    assert level_of(caller.samples()[-4000:], 8000, 700) > -14
    assert level_of(caller.samples()[-4000:], 8000, 440) < -40
    assert level_of(browser.samples()[-RATE // 2 :], RATE, 440) > -14
    assert level_of(browser.samples()[-RATE // 2 :], RATE, 700) < -40
    await browser.close()
    down = await running.expect(api.LegDown)
    assert (down.leg, down.reason) == ("agent", "closed by the peer")


async def test_a_reloaded_page_takes_the_leg_over(running: WorkerProcess) -> None:
    caller, first, second = await running.rtp_peer(1), Browser(700), Browser(900)
    to_caller = await running.ask(api.AddRtpLeg("customer", "room", ADDRESS, offer(caller.port), codecs=("PCMU",)))
    await join(running, first)
    await running.ask(api.SetRoom("room", BOTH))
    renewed = await running.ask(api.Renegotiate("agent", await second.offer()))
    await second.take(renewed.sdp)
    assert (await running.expect(api.LegUp)).leg == "agent"
    await caller.talk(tone(440, 1.0, 8000), (ADDRESS, media_port(to_caller.sdp)))
    assert level_of(caller.samples()[-4000:], 8000, 900) > -14
    assert level_of(caller.samples()[-4000:], 8000, 700) < -40
    assert level_of(second.samples()[-RATE // 2 :], RATE, 440) > -14
    await first.close()
    await second.close()


async def test_a_wrong_fingerprint_gets_no_media(running: WorkerProcess) -> None:
    browser = Browser(700)
    said = await browser.offer()
    start = said.index("a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
    forged = said[:start] + ":".join(["00"] * 32) + said[start + 95 :]
    media = await running.ask(api.AddBrowserLeg("agent", "room", ADDRESS, forged))
    await browser.take(media.sdp)
    down = await running.expect(api.LegDown)
    assert down.reason == "handshake failed"
    assert (await running.ask(api.DropLeg("agent"))).packets_received == 0
    await asyncio.gather(browser.close())


async def test_a_browser_takes_an_offer_of_ours_and_one_more(running: WorkerProcess) -> None:
    caller, browser = await running.rtp_peer(1), Browser(700)
    to_caller = await running.ask(api.AddRtpLeg("customer", "room", ADDRESS, offer(caller.port), codecs=("PCMU",)))
    ours = await running.ask(api.AddBrowserLeg("agent", "room", ADDRESS))
    assert (ours.codec, ours.encrypted) == ("", True)
    media = await running.ask(api.SetAnswer("agent", await browser.answer(ours.sdp)))
    assert (media.codec, media.direction) == ("opus/48000", "sendrecv")
    assert (await running.expect(api.LegUp)).leg == "agent"
    await running.ask(api.SetRoom("room", BOTH))
    again = await running.ask(api.Reoffer("agent"))
    await running.ask(api.SetAnswer("agent", await browser.answer(again.sdp)))
    await caller.talk(tone(440, 1.5, 8000), (ADDRESS, media_port(to_caller.sdp)))
    assert level_of(caller.samples()[-4000:], 8000, 700) > -14
    assert level_of(browser.samples()[-RATE // 2 :], RATE, 440) > -14
    await browser.close()


async def test_an_rtp_peer_that_has_dtls_only_gets_it(running: WorkerProcess) -> None:
    caller, phone = await running.rtp_peer(1), Browser(700)
    to_caller = await running.ask(api.AddRtpLeg("customer", "room", ADDRESS, offer(caller.port), codecs=("PCMU",)))
    said = await phone.offer()
    with pytest.raises(Refusal, match="srtp_not_allowed"):
        await running.ask(api.AddRtpLeg("agent", "room", ADDRESS, said, srtp="off"))
    media = await running.ask(api.AddRtpLeg("agent", "room", ADDRESS, said, codecs=("PCMU",)))
    assert (media.codec, media.encrypted) == ("PCMU/8000", True)
    await phone.take(media.sdp)
    assert (await running.expect(api.LegUp)).leg == "agent"
    await running.ask(api.SetRoom("room", BOTH))
    await caller.talk(tone(440, 1.0, 8000), (ADDRESS, media_port(to_caller.sdp)))
    assert level_of(caller.samples()[-4000:], 8000, 700) > -14
    await phone.close()
