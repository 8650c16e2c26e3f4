"""An agent at the console, in a real Chromium whose microphone plays a tone, and ears at what the browser receives."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from playwright.async_api import Browser, Page, Playwright, expect

from tests.e2e.node import Node
from tests.e2e.plan import PASSWORD
from tests.support.tones import Samples, tone

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection",
)  # fmt: skip
MICROPHONE_RATE = 48000
# Echo cancellation and noise suppression would take a steady tone for noise.
RAW_MICROPHONE = {"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False}
EARS = """
localStorage.setItem("telephonist.microphone", %s);
window.ears = [];
const Native = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Native {
  constructor(...parameters) {
    super(...parameters);
    this.addEventListener("track", ({ track }) => window.ears.push(track));
  }
};
"""
DETOUR = """
const Direct = window.WebSocket;
window.WebSocket = class extends Direct {
  constructor(url, protocols) {
    super(url.replace(/:\\d+\\//, ":%d/"), protocols);
  }
};
"""
LISTEN = """
async (seconds) => {
  const reader = new MediaStreamTrackProcessor({ track: window.ears.at(-1).clone() }).readable.getReader();
  const pieces = [];
  let rate = 48000, count = 0;
  while (count < seconds * rate) {
    const { value } = await reader.read();
    rate = value.sampleRate;
    const samples = new Float32Array(value.numberOfFrames);
    value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    value.close();
    pieces.push(samples);
    count += samples.length;
  }
  reader.cancel();
  const all = new Int16Array(count);
  let at = 0;
  for (const piece of pieces)
    for (const sample of piece) all[at++] = Math.max(-32768, Math.min(32767, sample * 32768));
  const bytes = new Uint8Array(all.buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return { rate, audio: btoa(text) };
}
"""


expect.set_options(timeout=15_000)


class AgentPage:
    """What a person does at the page, and sees."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.card = page.locator("article.contact")

    async def sign_in(self, node: Node, username: str) -> None:
        await self.page.goto(node.console)
        await self.page.get_by_label("Instance").fill("acme")
        await self.page.get_by_label("User name").fill(username)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign in").click()

    async def choose(self, status: str) -> None:
        await self.page.get_by_role("radio", name=status).check()
        await expect(self.page.get_by_role("heading", name=status, exact=True)).to_be_visible()

    async def press(self, button: str) -> None:
        await self.card.get_by_role("button", name=button).click()

    async def in_state(self, state: str, seconds: float = 20.0) -> None:
        await expect(self.card).to_have_attribute("data-state", state, timeout=seconds * 1000)

    async def free(self) -> None:
        await expect(self.card).to_have_count(0)

    async def accept(self, state: str = "CONNECTED") -> None:
        """`state`: as it is then, on hold when another agent consults him."""
        await self.in_state("INCOMING")
        await self.press("Accept")
        await self.in_state(state)

    async def finish(self) -> None:
        """Clears what is left of the contact."""
        await self.in_state("ENDED")
        await self.press("Clear contact")
        await self.free()

    async def hear(self, seconds: float = 2.0) -> tuple[Samples, int]:
        """What the browser receives from now on, as it would be played: samples and their rate."""
        heard: dict[str, Any] = await self.page.evaluate(LISTEN, seconds)
        return np.frombuffer(base64.b64decode(heard["audio"]), np.int16), heard["rate"]


@asynccontextmanager
async def agent_at_work(
    playwright: Playwright,
    node: Node,
    username: str,
    frequency: float,
    folder: Path,
    detour: int = 0,
    sign_out: bool = True,
) -> AsyncIterator[AgentPage]:
    """An agent who speaks with one tone, signed in and Available; signed out at the end.

    `detour`: a port that stands between the softphone and its server."""
    microphone = folder / f"{username}.wav"
    write_wav(microphone, tone(frequency, 20.0, MICROPHONE_RATE), MICROPHONE_RATE)
    browser = await launch(playwright, f"--use-file-for-fake-audio-capture={microphone}")
    try:
        context = await browser.new_context(
            ignore_https_errors=True, permissions=["microphone"], bypass_csp=bool(detour)
        )
        page = await context.new_page()
        await page.add_init_script(EARS % json.dumps(json.dumps(RAW_MICROPHONE)))
        if detour:
            await page.add_init_script(DETOUR % detour)
        agent = AgentPage(page)
        await agent.sign_in(node, username)
        await agent.choose("Available")
        try:
            yield agent
        finally:
            if sign_out:  # also after a failure: what is left of a contact must not meet the next test
                page.on("dialog", lambda dialog: dialog.accept())
                await page.get_by_role("button", name="Sign out").click()
                await expect(page.get_by_label("Password")).to_be_visible()
    finally:
        await browser.close()


async def launch(playwright: Playwright, *flags: str) -> Browser:
    return await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, *flags])


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
