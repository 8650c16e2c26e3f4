"""One user agent on one wire: the shell around the SIP core for one caller."""

import asyncio
from typing import Protocol

from bench.call.errors import BadArgument
from bench.call.wire import Target, Wire, open_wire
from signaling.sip.agent import UserAgent
from signaling.sip.calls.invitation import Invitation
from signaling.sip.config import SipConfig, Timers
from signaling.sip.errors import SipError
from signaling.sip.events import SipEvent
from signaling.sip.flow import Flow
from signaling.sip.headers import NameAddr
from signaling.sip.messages.message import Response, parse_message
from signaling.sip.messages.uri import Uri, format_host


class LineUser(Protocol):
    def handle_event(self, event: SipEvent) -> None: ...

    def handle_loss(self, reason: str) -> None:
        """The wire is of no more use."""


class Line:
    """Places one call."""

    def __init__(self, user: LineUser, target: Target, ring_seconds: float) -> None:
        config = SipConfig(timers=Timers(c=ring_seconds), product="Telephonist test caller")
        self._agent = UserAgent(config, lambda flow: None)
        self._user = user
        self._target = target
        self._wire: Wire | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._call = ""
        self.final: tuple[int, str] | None = None
        """Status and reason of the last final answer to an INVITE, as the peer worded it."""
        self.heard = False
        """Whether anything has come at all."""
        self.settled = asyncio.Event()
        """The call is over for both sides."""

    async def open(self, local_host: str | None) -> str:
        """Connects. Returns our address. Raises Unreachable."""
        self._wire = await open_wire(self._target, local_host, self)
        return self._wire.flow.local[0]

    def invite(self, number: str, caller: str, sdp: str | None) -> None:
        """Raises BadArgument when a number cannot stand in a SIP URI."""
        assert self._wire is not None, "open() comes first"
        try:
            target = Uri("sip", number, format_host(self._target.host), self._target.port)
            sender = NameAddr(Uri("sip", caller, format_host(self._wire.flow.local[0])))
            self._call = self._agent.invite(self._wire.flow, Invitation(target, sender, sdp), self._loop.time())
        except SipError:
            raise BadArgument("that is not a number: give digits, or a user name without spaces") from None
        self._step()

    def offer(self, sdp: str) -> None:
        """re-INVITE."""
        self._agent.offer(self._call, sdp, self._loop.time())
        self._step()

    def accept_offer(self, sdp: str) -> None:
        self._agent.accept_offer(self._call, sdp, self._loop.time())
        self._step()

    def reject_offer(self, status: int) -> None:
        self._agent.reject_offer(self._call, status, "", self._loop.time())
        self._step()

    def hang_up(self) -> None:
        """BYE, or CANCEL before the answer; nothing when the call is over."""
        if self._call:
            self._agent.hang_up(self._call, self._loop.time())
            self._step()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._wire is not None:
            self._wire.close()
            await self._wire.wait_closed()

    def handle_message(self, data: bytes, flow: Flow) -> None:
        self.heard = True
        self._note(data)
        self._agent.receive(data, flow, self._loop.time())
        self._step()

    def handle_loss(self, flow: Flow, reason: str) -> None:
        self._user.handle_loss(reason)
        self._agent.flow_closed(flow, self._loop.time())
        self._step()
        self.settled.set()

    def _step(self) -> None:
        """Sends what the agent gives, tells its events, sets its timer."""
        event: SipEvent | None = None
        while True:
            for outgoing in self._agent.take():
                if self._wire is not None:
                    self._wire.send(outgoing.data)
            event = self._agent.next_event()
            if event is None:
                break
            self._user.handle_event(event)
        if self._agent.calls == 0:
            self.settled.set()
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._agent.get_timer()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        # The loop may wake us a little before the deadline.
        self._agent.handle_timer(max(self._loop.time(), self._agent.get_timer() or 0.0))
        self._step()

    def _note(self, data: bytes) -> None:
        """The core's events carry the status only; people want the peer's own words."""
        if not data.startswith(b"SIP/2.0 "):
            return
        try:
            message = parse_message(data)
        except SipError:
            return
        if isinstance(message, Response) and message.status >= 200 and "INVITE" in (message.headers.get("CSeq") or ""):
            self.final = (message.status, message.reason)
