"""softphone.js with real sound: a call accepted, muted, taken over after a reload."""

from collections.abc import AsyncIterator

import aioice.ice
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from signaling.softphone.protocol import AcceptContact, Answer, Done, MuteContact, RenewMedia, Request
from tests.signaling.console.test_agent import ring
from tests.support.console_site import Site
from tests.support.desk import Answered
from tests.support.far_end import RATE, FarEnd
from tests.support.pitch import strength

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLAIN_MICROPHONE = """localStorage.setItem("telephonist.microphone",
  JSON.stringify({ echoCancellation: false, noiseSuppression: false, autoGainControl: false }))"""
CONNECTED = """() => new Promise((done) => {
  const look = () => (peers.at(-1)?.connectionState === "connected" ? done() : setTimeout(look, 20));
  look();
})"""
LOUDEST = """async () => {
  const { track } = peers.at(-1).getReceivers()[0];
  const context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  await new Promise((done) => setTimeout(done, 500));
  analyser.getFloatFrequencyData(bins);
  return bins.indexOf(Math.max(...bins)) * context.sampleRate / analyser.fftSize;
}"""
"""The frequency that is loudest in what the browser hears."""


@pytest_asyncio.fixture(loop_scope="session")
async def far_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FarEnd]:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda *args, **options: ["127.0.0.1"])
    far_end = FarEnd()

    async def answer(request: Request) -> Answered:
        if isinstance(request, AcceptContact | RenewMedia):
            return Answer(await far_end.answer(request.sdp or ""))
        return Done()

    site.desk.answer = answer
    yield far_end
    await far_end.close()


async def accept(site: Site, agent: Page) -> None:
    await agent.evaluate(PLAIN_MICROPHONE)
    contact = ring(site)
    await agent.get_by_role("button", name="Accept").click()
    await agent.evaluate(CONNECTED)
    site.change_contact(contact, state="CONNECTED", connected_at=contact.since)


async def test_sound_flows_both_ways_and_mute_silences_ours(site: Site, agent: Page, far_end: FarEnd) -> None:
    await accept(site, agent)
    heard = await far_end.hear(0.6)
    assert strength(heard[-RATE // 4 :], RATE, 700) > 0.8
    assert await agent.evaluate(LOUDEST) == pytest.approx(440, abs=12)
    for side in ("You", "Caller"):
        level = await agent.get_by_role("meter", name=side).get_attribute("aria-valuenow")
        assert int(level or 0) >= 50

    await agent.get_by_role("button", name="Mute").click()
    await expect(agent.get_by_role("button", name="Mute")).to_be_enabled()
    assert site.desk.seen[-1][1] == MuteContact("c-1", True)
    await far_end.hear(0.4)
    muted = await far_end.hear(0.4)
    assert abs(muted.astype(int)).max() < 100


async def test_a_reload_takes_the_call_over(site: Site, agent: Page, far_end: FarEnd) -> None:
    await accept(site, agent)
    await agent.reload()
    await agent.evaluate(CONNECTED)
    assert isinstance(site.desk.seen[-1][1], RenewMedia)
    heard = await far_end.hear(0.6)
    assert strength(heard[-RATE // 4 :], RATE, 700) > 0.8
    assert await agent.evaluate(LOUDEST) == pytest.approx(440, abs=12)


async def test_a_new_network_renews_the_line_and_the_media(site: Site, agent: Page, far_end: FarEnd) -> None:
    await accept(site, agent)
    first = far_end.offers[-1]
    await agent.evaluate("dispatchEvent(new Event('online'))")
    while len(far_end.offers) < 2:
        await far_end.hear(0.1)
    assert ufrag(far_end.offers[-1]) != ufrag(first)
    assert site.phones is not None
    assert site.phones.stats["resumed"] == 1


def ufrag(sdp: str) -> str:
    return next(line for line in sdp.splitlines() if line.startswith("a=ice-ufrag:"))
