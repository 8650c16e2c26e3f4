"""The pages in Chromium, against a scripted server."""

import ssl
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.support.console_site import Site
from tests.support.tls import make_certificate

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
]  # fmt: skip
WATCH = """
window.sockets = []; window.peers = [];
window.WebSocket = class extends WebSocket { constructor(...args) { super(...args); window.sockets.push(this); } };
const Peer = RTCPeerConnection;
window.RTCPeerConnection = class extends Peer { constructor(...args) { super(...args); window.peers.push(this); } };
"""
"""Lets a test cut the line and look at the peer connections."""


@pytest_asyncio.fixture(loop_scope="session")
async def site(certificate: ssl.SSLContext) -> AsyncIterator[Site]:
    site = Site()
    await site.start(certificate)
    yield site
    await site.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return make_certificate(tmp_path_factory.mktemp("tls"))[0]


@pytest.fixture(scope="session")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser's microphone hears: 700 Hz."""
    path = tmp_path_factory.mktemp("sound") / "700.wav"
    samples = (8000 * np.sin(2 * np.pi * 700 * np.arange(16000 * 5) / 16000)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(samples.tobytes())
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(microphone: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(site: Site, browser: Browser) -> AsyncIterator[Page]:
    """Empty. Fails the test if the page threw, or broke its content security policy."""
    problems: list[str] = []
    context = await browser.new_context(ignore_https_errors=True, permissions=["microphone"], locale="en-GB")
    await context.add_init_script(WATCH)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if "Security" in message.text else None)
    yield page
    await context.close()
    assert problems == []


@pytest_asyncio.fixture(loop_scope="session")
async def agent(site: Site, page: Page) -> Page:
    """Signed in, on the agent's page, connected."""
    site.signed_in = True
    await page.goto(site.url)
    await page.get_by_text("Connected", exact=True).wait_for()
    return page
