"""Calls of ours: each gets a leg in the room of its contact, and its dialog an INVITE with that leg's offer.

    dialling.dial(Dial(tenant, contact, leg, flow, target, caller, rules), tell)

`tell` gets Ringing and EarlyMedia as often as they come, then Answered and later Ended, or Failed instead of both;
after `hang_up` nothing more. From EarlyMedia or Answered on the leg sends and receives; who hears it is the room's
picture and no matter of ours. The leg of a call that Failed is gone; that of any other is to be dropped by who dialled.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec
import structlog

from ipc.messages import Answer, Command, Refusal
from relay import api as relay
from relay.api import AddBrowserLeg, AddRtpLeg
from signaling.calling.dial import Answered, Dial, DialEvent, EarlyMedia, Ended, Failed, Ringing, Tell
from signaling.calling.lanes import Lanes, Work
from signaling.calling.legs import Offers, SipLegs, rejection
from signaling.center.audit import AuditEvent
from signaling.center.resources import Tenant
from signaling.sip.calls.invitation import Invitation
from signaling.sip.calls.outcome import may_try_elsewhere, outcome_of
from signaling.sip.errors import ValueRefused
from signaling.sip.events import (
    CallAnswered,
    CallEnded,
    CallOffer,
    CallProgress,
    CallRinging,
    DigitPressed,
    OfferAnswered,
    SipEvent,
    TakeoverRefused,
    TransferAsked,
)  # fmt: skip
from signaling.sip.flow import Flow
from signaling.sip.headers.reason import Reason
from signaling.sip.messages.uri import Uri
from vault.pii import Pii

log = structlog.get_logger()


class Media(Protocol):
    """What is asked of the relay workers: `signaling.media.workers.Workers` in the live server."""

    def carries(self, room: str) -> bool: ...

    async def begin(self, room: str, leg: AddRtpLeg | AddBrowserLeg) -> relay.Media: ...

    async def ask(self, room: str, command: Command[Answer]) -> Answer: ...


class Dialogs(Offers, Protocol):
    """What is asked of the SIP side: `signaling.sip_server.sip_io.SipServer` in the live server."""

    def invite(self, flow: Flow, invitation: Invitation) -> str: ...

    def press(self, call: str, digit: str, duration_ms: int) -> None: ...

    def refuse_transfer(self, call: str, status: int) -> None: ...

    def hang_up(self, call: str) -> None: ...


class SavedDialled(msgspec.Struct, frozen=True):
    """A call of ours that is up, as another process can go on with it."""

    contact: str
    leg: str


@dataclass
class Dialled:
    """A call of ours from the wish to its end. Owned by Dialling."""

    dial: Dial
    tell: Tell
    call: str = ""
    """Its name on the SIP side, once there is an INVITE."""
    described: str | None = None
    """The peer's description that is in force."""
    answered: bool = False
    dismissed: bool = False
    """Hung up by us: nobody wants to hear of it any more."""

    @property
    def contact(self) -> str:
        return self.dial.contact

    @property
    def leg(self) -> str:
        return self.dial.leg


class Dialling:
    """What needs the worker goes through the contact's lane, so a call's events keep their order."""

    def __init__(self, workers: Media, lanes: Lanes, address: str, clock: Callable[[], float]) -> None:
        """`address`: the host that SDP names."""
        self._workers = workers
        self._legs = SipLegs(workers)
        self._lanes = lanes
        self._address = address
        self._clock = clock
        self._dialogs: Dialogs
        self._audit: Callable[[Tenant, AuditEvent], None]
        self._by_leg: dict[str, Dialled] = {}
        self._by_call: dict[str, Dialled] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def serve(self, dialogs: Dialogs, audit: Callable[[Tenant, AuditEvent], None]) -> None:
        """The SIP side, which needs us first, and the way into the tenants' audit trails."""
        self._dialogs, self._audit = dialogs, audit

    def __len__(self) -> int:
        return len(self._by_leg)

    async def idle(self) -> None:
        """Until no call of ours is left."""
        await self._idle.wait()

    # From who dials

    def dial(self, dial: Dial, tell: Tell) -> None:
        """Begins a call. Its leg must not be in use."""
        dialled = self._by_leg[dial.leg] = Dialled(dial, tell)
        self._idle.clear()
        log.info("> call", contact=dial.contact, leg=dial.leg, transport=dial.flow.transport)
        self._lanes.add(dial.contact, lambda: self._place(dialled))

    def hang_up(self, leg: str) -> None:
        """CANCEL or BYE, whichever fits; nothing when there is no such call any more."""
        dialled = self._by_leg.get(leg)
        if dialled is not None:
            dialled.dismissed = True
            self._forget(dialled)
            if dialled.call:
                self._dialogs.hang_up(dialled.call)

    def lose(self, contact: str) -> None:
        """The worker that carried this room is gone, or all ends: so do its calls."""
        for dialled in [dialled for dialled in self._by_leg.values() if dialled.contact == contact]:
            self.hang_up(dialled.leg)

    def lose_media(self, leg: str) -> None:
        """There will be no sound: the call ends as one that the called side has lost, or that failed."""
        dialled = self._by_leg.get(leg)
        if dialled is None:
            return
        self.hang_up(leg)
        if dialled.answered:
            dialled.tell(Ended(leg, wanted=False))
        else:
            self._lanes.add(dialled.contact, lambda: self._fail(dialled))

    def press(self, leg: str, digit: str, duration_ms: int) -> None:
        """A digit by INFO."""
        dialled = self._by_leg.get(leg)
        if dialled is not None and dialled.call:
            self._dialogs.press(dialled.call, digit, duration_ms)

    def save(self, call: str) -> SavedDialled | None:
        """None: it is no call of ours, or was not answered yet."""
        dialled = self._by_call.get(call)
        return SavedDialled(dialled.contact, dialled.leg) if dialled is not None and dialled.answered else None

    def adopt(self, call: str, dial: Dial, tell: Tell) -> None:
        """A call of ours that an earlier process began, and that was answered."""
        self._by_call[call] = self._by_leg[dial.leg] = Dialled(dial, tell, call, answered=True)
        self._idle.clear()

    def owner_of(self, call: str) -> tuple[Tenant, str] | None:
        """The instance and the contact of a call of ours."""
        dialled = self._by_call.get(call)
        return (dialled.dial.tenant, dialled.contact) if dialled is not None else None

    def contacts(self) -> list[str]:
        """Those that calls of ours belong to."""
        return list({dialled.contact for dialled in self._by_leg.values()})

    # From SIP

    def on_sip_event(self, event: SipEvent) -> bool:
        """Whether it belongs to a call of ours."""
        dialled = self._by_call.get(event.call)
        if dialled is None:
            return False
        match event:
            case CallRinging():
                self._add(dialled, lambda: self._tell(dialled, Ringing(dialled.leg)))
            case CallProgress(_, early):
                self._add(dialled, lambda: self._hear_early(dialled, early))
            case CallAnswered(_, sdp):
                self._add(dialled, lambda: self._answer(dialled, sdp))
            case CallOffer(_, sdp):
                self._add(dialled, lambda: self._legs.renegotiate(dialled, sdp, self._dialogs))
            case OfferAnswered(_, str(sdp)):
                self._add(dialled, lambda: self._take_answer(dialled, sdp))
            case DigitPressed(_, digit, duration_ms):
                self._add(dialled, lambda: self._legs.take_digit(dialled, digit, duration_ms))
            case TransferAsked(_, target):
                self._refuse_transfer(dialled, target)
            case TakeoverRefused(_, source):
                self._note(dialled, "ReplaceCall", source)
            case CallEnded():
                if event.moved_to is not None:
                    log.warning("x redirection refused", contact=dialled.contact)
                    self._note(dialled, "RedirectCall", dialled.dial.flow.remote[0], event.moved_to)
                self._forget(dialled)
                self._lanes.add(dialled.contact, lambda: self._end(dialled, event))
        return True

    def _add(self, dialled: Dialled, work: Work) -> None:
        async def unless_dismissed() -> None:
            if not dialled.dismissed:
                await work()

        self._lanes.add(dialled.contact, unless_dismissed)

    def _refuse_transfer(self, dialled: Dialled, target: Pii[Uri]) -> None:
        """Whom we called does not make us call others."""
        log.warning("x transfer refused", contact=dialled.contact)
        self._note(dialled, "TransferCall", dialled.dial.flow.remote[0], target)
        self._dialogs.refuse_transfer(dialled.call, 403)

    def _note(self, dialled: Dialled, action: str, source: str, target: Pii[Uri] | None = None) -> None:
        """What was refused, as a line of the audit trail."""
        detail: dict[str, str | Pii[str]] = {} if target is None else {"to": Pii(target.reveal().name)}
        event = AuditEvent(self._clock(), "", source, action, f"contact/{dialled.contact}", "refused", detail)
        self._audit(dialled.dial.tenant, event)

    # In the lane

    async def _place(self, dialled: Dialled) -> None:
        if dialled.dismissed:
            return
        try:
            media = await self._make_leg(dialled.dial)
        except Refusal as refusal:
            log.warning("x call not placed", contact=dialled.contact, code=refusal.code, reason=refusal.message)
            self._give_up(dialled, *rejection(refusal))
            return
        if dialled.dismissed:
            return
        dial = dialled.dial
        about = (dial.target, dial.caller, media.sdp, dial.fields, dial.ring, dial.patience)
        invitation = Invitation(*about, trunk=dial.trunk, keeps_flow=dial.keeps_flow)
        try:
            dialled.call = self._dialogs.invite(dial.flow, invitation)
        except ValueRefused as error:
            await self._legs.drop(dialled)
            self._give_up(dialled, 400, str(error))
            return
        self._by_call[dialled.call] = dialled

    async def _make_leg(self, dial: Dial) -> relay.Media:
        """Raises Refusal."""
        name, room, rules = dial.leg, dial.contact, dial.rules
        leg = AddBrowserLeg(name, room, self._address) if rules.dtls else rules.leg(name, room, self._address)
        if self._workers.carries(room):
            return await self._workers.ask(room, leg)
        return await self._workers.begin(room, leg)

    def _give_up(self, dialled: Dialled, status: int, why: str) -> None:
        """There was no INVITE."""
        self._forget(dialled)
        dialled.tell(Failed(dialled.leg, "failed", status, Reason("SIP", status, why)))

    async def _tell(self, dialled: Dialled, event: DialEvent) -> None:
        dialled.tell(event)

    async def _hear_early(self, dialled: Dialled, sdp: str) -> None:
        if await self._describe(dialled, sdp):
            dialled.tell(EarlyMedia(dialled.leg))

    async def _answer(self, dialled: Dialled, sdp: str | None) -> None:
        """A 200 may leave out what a 183 has said."""
        wanted = sdp or dialled.described
        used = wanted is not None and await self._describe(dialled, wanted)
        if dialled.dismissed:
            return
        if not used:
            self._forget(dialled)
            self._dialogs.hang_up(dialled.call)
            await self._fail(dialled)
            return
        dialled.answered = True
        dialled.tell(Answered(dialled.leg))

    async def _fail(self, dialled: Dialled) -> None:
        """For want of common media."""
        await self._legs.drop(dialled)
        dialled.tell(Failed(dialled.leg, "failed", 488))

    async def _take_answer(self, dialled: Dialled, sdp: str) -> None:
        await self._describe(dialled, sdp)

    async def _describe(self, dialled: Dialled, sdp: str) -> bool:
        """Puts the peer's description in force, unless it is already: a 200 repeats that of the 183."""
        if sdp == dialled.described:
            return True
        used = await self._legs.take_answer(dialled, sdp)
        if used:
            dialled.described = sdp
        return used

    async def _end(self, dialled: Dialled, event: CallEnded) -> None:
        if dialled.dismissed:
            return
        log.info("= call ended", contact=dialled.contact, leg=dialled.leg, cause=event.cause, status=event.status)
        dialled.dismissed = True
        if dialled.answered:
            dialled.tell(Ended(dialled.leg, event.cause == "bye", event.reason))
            return
        await self._legs.drop(dialled)
        elsewhere = may_try_elsewhere(event)
        dialled.tell(Failed(dialled.leg, outcome_of(event), event.status, event.reason, elsewhere))

    def _forget(self, dialled: Dialled) -> None:
        if self._by_leg.get(dialled.leg) is dialled:
            del self._by_leg[dialled.leg]
        self._by_call.pop(dialled.call, None)
        if not self._by_leg:
            self._idle.set()
