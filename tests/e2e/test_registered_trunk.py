"""A node that registers at a carrier: by digest over TCP, called by its registration, gone when it stops."""

import asyncio
from collections.abc import Callable
from typing import Any

from signaling.sip.calls.invitation import Invitation
from signaling.sip.config import SipConfig
from signaling.sip.events import CallAnswered, CallEnded, SipEvent
from signaling.sip.headers import NameAddr
from signaling.sip_server.sip_io import SipServer
from tests.e2e.node import Node
from tests.e2e.plan import BOTH
from tests.signaling.sip.network import OFFER
from tests.signaling.sip.phone import PASSWORD, REALM, Directory


class Carrier:
    """A registrar in which `ann` has an account, and that sends calls to where she has registered."""

    def __init__(self) -> None:
        self.server = SipServer(
            SipConfig(), lambda flow: "node", self._on_event, accounts=Directory(), on_phone=lambda news: self._tell()
        )
        self.events: list[SipEvent] = []
        self._news = asyncio.Event()

    def _on_event(self, event: SipEvent) -> None:
        self.events.append(event)
        self._tell()

    def _tell(self) -> None:
        self._news.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not reached():
                self._news.clear()
                await self._news.wait()

    @property
    def registered(self) -> bool:
        return bool(self.server.agent.registrar.bindings.of("i-1/phones/ann"))

    async def call(self, number: str) -> SipEvent:
        """How a call to that number, sent to the registered contact, goes."""
        (binding,) = self.server.agent.registrar.bindings.of("i-1/phones/ann")
        fields = (("P-Called-Party-ID", f"<sip:{number}@acme.test>"),)
        caller = NameAddr.parse("<sip:+4917@acme.test>")
        seen = len(self.events)
        self.server.invite(binding.flow, Invitation(binding.contact, caller, OFFER, fields))
        await self.until(lambda: any(isinstance(event, CallAnswered | CallEnded) for event in self.events[seen:]))
        return next(event for event in self.events[seen:] if isinstance(event, CallAnswered | CallEnded))


def trunk(port: int) -> dict[str, Any]:
    registration = {"registrars": [f"127.0.0.1:{port};transport=tcp"], "domain": "acme.test"}
    account = {"username": "ann", "password": PASSWORD, "realm": REALM}
    return {"name": "registered", "sources": [], "registration": registration, "max_calls": 1} | account


async def test_a_registered_trunk_from_start_to_stop() -> None:
    carrier = Carrier()
    bound = await carrier.server.start("127.0.0.1", 0)
    try:
        # The carrier's address is that of another trunk, too: the contact tells them apart.
        node = await asyncio.to_thread(lambda: Node((20400, 20499), trunks=[trunk(bound.tcp)]))
        with node:
            await carrier.until(lambda: carrier.registered)
            answered = await carrier.call(BOTH)
            assert isinstance(answered, CallAnswered)
            refused = await carrier.call(BOTH)
            assert isinstance(refused, CallEnded) and refused.status == 503
            carrier.server.hang_up(answered.call)
            unknown = await carrier.call("+4999")
            assert isinstance(unknown, CallEnded) and unknown.status == 404
            assert await asyncio.to_thread(node.stop) == 0
            assert not carrier.registered
            assert PASSWORD not in node.log_text() and "4917" not in node.log_text()
    finally:
        await carrier.server.close()
