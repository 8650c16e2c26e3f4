"""A scripted callee on the same SIP core and the bench's own media: rings, answers, speaks, hears, takes part."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from bench.call.codecs import Samples
from bench.call.errors import MediaError
from bench.call.media import Agreement, Media
from bench.call.negotiation import ANY, Negotiation, Terms
from bench.call.sounds import Source, tone
from bench.call.wire import Target
from signaling.sip.config import SipConfig
from signaling.sip.events import CallAnswered, CallEnded, IncomingCall, SipEvent
from signaling.sip_server.sip_io import Bound, SipServer

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Script:
    """What the callee does with each call."""

    terms: Terms = ANY
    sound: Callable[[int], Source] = field(default_factory=lambda: tone(700))
    answers: Literal["at once", "never", "early"] = "at once"
    """early: it gives its sound before the answer, until `pick_up`."""
    status: int = 0
    """A final refusal in place of an answer."""
    reason: str = ""
    through: Callable[[int], int] | None = None
    """The port that our SDP names for our true one: a relay on the way."""


class Callee:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.server = SipServer(SipConfig(), lambda flow: "test", self._handle)
        self.call = ""
        self.caller = ""
        self.media: Media | None = None
        self.ringing, self.up, self.over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._negotiation: Negotiation | None = None
        self._answer = ""
        self.bound = Bound(0, 0, 0)

    def target(self, transport: Literal["udp", "tcp", "tls"] = "udp", tls: ssl.SSLContext | None = None) -> Target:
        return Target(HOST, getattr(self.bound, transport), transport, tls)

    @property
    def heard(self) -> tuple[Samples, int]:
        heard = self.media.heard() if self.media else None
        assert heard is not None
        return heard

    @property
    def digits(self) -> str:
        assert self.media is not None and self.media.receiver is not None
        return self.media.receiver.digits.digits

    def hang_up(self) -> None:
        self.server.hang_up(self.call)

    def _handle(self, event: SipEvent) -> None:
        match event:
            case IncomingCall():
                self.call, self.caller = event.call, event.caller.reveal()
                self._take(event)
            case CallAnswered():
                if event.sdp is not None:
                    self._start(self._parts()[1].accept_answer(event.sdp))
                self.up.set()
            case CallEnded():
                self.over.set()
                if self.media is not None:
                    self.media.stop()

    def _take(self, event: IncomingCall) -> None:
        script = self.script
        if script.status:
            self.server.reject(event.call, script.status, script.reason)
            return
        self.server.ring(event.call)
        self.ringing.set()
        if script.answers == "never":
            return
        self.media = Media(HOST)
        port = self.media.address[1]
        self._negotiation = Negotiation(script.terms, (HOST, script.through(port) if script.through else port))
        if event.sdp is None:
            self.server.answer(event.call, self._negotiation.offer)
            return
        try:
            answer, agreement = self._negotiation.answer(event.sdp)
        except MediaError:
            self.server.reject(event.call, 488)
            return
        self._start(agreement)
        if script.answers == "early":
            self._answer = answer
            self.server.progress(event.call, answer)
        else:
            self.server.answer(event.call, answer)

    def pick_up(self) -> None:
        """After early media."""
        self.server.answer(self.call, self._answer)

    def _start(self, agreement: Agreement) -> None:
        media, _ = self._parts()
        media.start(agreement, self.script.sound(agreement.codec.rate))

    def _parts(self) -> tuple[Media, Negotiation]:
        assert self.media is not None and self._negotiation is not None
        return self.media, self._negotiation


@asynccontextmanager
async def callee(
    script: Script | None = None, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Callee]:
    phone = Callee(script or Script())
    phone.bound = await phone.server.start(HOST, port, 0, tls)
    try:
        yield phone
    finally:
        if phone.media is not None:
            phone.media.stop()
        await phone.server.close()
