"""A page with SIP.js in it, which registers over a secure WebSocket and takes the calls that come."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from playwright.async_api import Page, Playwright, Route

from tests.e2e.agent_page import EARS, LISTEN, MICROPHONE_RATE, RAW_MICROPHONE, launch, write_wav
from tests.e2e.node import Node
from tests.e2e.plan import PHONE_PASSWORD
from tests.support.tones import Samples, tone

SIP_JS = Path(__file__).parent / "vendor" / "sip.js"
SIP_JS_SHA256 = "e76c508fa71fb356aed626cb8049e3dcf409b1de1f0a241a7a2290cd2b776a39"
PHONE = """
async ({ server, user, password, audio }) => {
  const { UserAgent, Registerer, SessionState } = await import("/web-phone/sip.js");
  const answer = async (invitation) => {
    window.call = invitation;
    invitation.stateChange.addListener((state) => {
      window.callState = state;
      if (state !== SessionState.Established) return;
      const player = new Audio();
      player.srcObject = invitation.sessionDescriptionHandler.remoteMediaStream;
      player.play();
    });
    await invitation.accept({ sessionDescriptionHandlerOptions: { constraints: { audio, video: false } } });
  };
  const agent = new UserAgent({
    uri: UserAgent.makeURI(`sip:${user}@acme`),
    authorizationUsername: user,
    authorizationPassword: password,
    transportOptions: { server },
    sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
    delegate: { onInvite: (invitation) => answer(invitation) },
    logLevel: "error",
  });
  await agent.start();
  window.registerer = new Registerer(agent, { expires: 600 });
  const registered = new Promise((resolve) => window.registerer.stateChange.addListener(resolve));
  await window.registerer.register();
  return await registered;
}
"""
HANG_UP = "() => window.call.bye()"


class WebPhone:
    def __init__(self, page: Page) -> None:
        self._page = page

    async def register(self, node: Node, user: str) -> str:
        """What has become of it: "Registered" or "Unregistered"."""
        await self._page.goto(node.console)
        addresses = node.addresses
        server = f"wss://{addresses.host}:{addresses.softphone}/"
        about = {"server": server, "user": user, "password": PHONE_PASSWORD, "audio": RAW_MICROPHONE}
        return str(await self._page.evaluate(PHONE, about))

    async def hang_up(self) -> None:
        await self._page.evaluate(HANG_UP)

    async def ended(self) -> None:
        await self._page.wait_for_function("() => window.callState === 'Terminated'")

    async def hear(self, seconds: float) -> tuple[Samples, int]:
        heard = await self._page.evaluate(LISTEN, seconds)
        return np.frombuffer(base64.b64decode(heard["audio"]), np.int16), int(heard["rate"])


@asynccontextmanager
async def web_phone(playwright: Playwright, frequency: float, folder: Path) -> AsyncIterator[WebPhone]:
    """In a Chromium of its own, whose microphone plays a tone. Its page is that of the console before the sign-in: one
    that does not come from this machine may open no WebSocket to it."""
    microphone = folder / "web-phone.wav"
    write_wav(microphone, tone(frequency, 20.0, MICROPHONE_RATE), MICROPHONE_RATE)
    script = SIP_JS.read_bytes()
    assert hashlib.sha256(script).hexdigest() == SIP_JS_SHA256

    async def serve(route: Route) -> None:
        await route.fulfill(body=script, content_type="text/javascript")

    browser = await launch(playwright, f"--use-file-for-fake-audio-capture={microphone}")
    try:
        context = await browser.new_context(ignore_https_errors=True, permissions=["microphone"], bypass_csp=True)
        page = await context.new_page()
        await page.route("**/web-phone/**", serve)
        await page.add_init_script(EARS % json.dumps(json.dumps(RAW_MICROPHONE)))
        yield WebPhone(page)
    finally:
        await browser.close()
