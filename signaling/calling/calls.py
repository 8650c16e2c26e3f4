"""The customers' side of the house: SIP calls become legs and contacts, the workers' events reach the centre."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from ipc.messages import Answer, Command, Refusal
from relay import api as relay
from relay.api import (
    HANDSHAKE_FAILED,
    AddRtpLeg,
    Alarm,
    Digit,
    Events,
    LegDown,
    LegUp,
    MaskedDigit,
    MediaAlarm,
    PlayerEnded,
    SendInfo,
)
from signaling.calling.customers import SavedCustomer, Session
from signaling.calling.dial import MediaRules
from signaling.calling.lanes import Lanes
from signaling.calling.legs import SipLegs, rejection
from signaling.carriers.caller_id import caller_of, diverted_from
from signaling.carriers.trunks import Trunks
from signaling.center import events
from signaling.center.audit import AuditEvent, Outcome
from signaling.center.resources import Tenant, Trunk
from signaling.house import House
from signaling.sip.events import (
    CallAnswered,
    CallEnded,
    CallOffer,
    DigitPressed,
    IncomingCall,
    OfferAnswered,
    OfferWithdrawn,
    SipEvent,
    TakeoverRefused,
    TransferAsked,
)  # fmt: skip
from signaling.sip.messages.uri import Uri
from vault.pii import Pii

log = structlog.get_logger()

NOTHING_MORE: Mapping[str, str | Pii[str]] = {}
WANTED = ("bye", "cancel")
"""Ends that the customer has chosen."""
DRAINING = (503, "Shutting down")
TOO_MANY_CALLS = (503, "Too many calls")
NO_SUCH_CALL = (481, "")
NOT_ALLOWED = (403, "")
"""What a phone hears that may not call."""
NO_SUCH_NUMBER = (404, "Not Found")


class Media(Protocol):
    """What is asked of the relay workers: `signaling.media.workers.Workers` in the live server."""

    async def begin(self, room: str, leg: AddRtpLeg) -> relay.Media: ...

    def forget(self, room: str) -> None: ...

    def rooms_of(self, worker: str) -> list[str]: ...

    async def ask(self, room: str, command: Command[Answer]) -> Answer: ...


class Dialogs(Protocol):
    """What is asked of the SIP side."""

    def answer(self, call: str, sdp: str) -> None: ...

    def reject(self, call: str, status: int, reason: str) -> None: ...

    def accept_offer(self, call: str, sdp: str) -> None: ...

    def reject_offer(self, call: str, status: int, reason: str) -> None: ...

    def press(self, call: str, digit: str, duration_ms: int) -> None: ...

    def refuse_transfer(self, call: str, status: int) -> None: ...

    def hang_up(self, call: str) -> None: ...


class Dialled(Protocol):
    """What is asked of the calls of ours: `signaling.calling.outgoing.Outgoing` in the live server."""

    def hang_up(self, leg: str) -> None: ...

    def press(self, leg: str, digit: str, duration_ms: int) -> None: ...

    def lose(self, contact: str) -> None: ...

    def lose_media(self, leg: str) -> None: ...

    def contacts(self) -> list[str]: ...


class Calls:
    """One Session a dialog. What needs the worker goes through the contact's lane, so a call's events keep their
    order."""

    def __init__(
        self, house: House, workers: Media, trunks: Trunks, lanes: Lanes, address: str, clock: Callable[[], float]
    ) -> None:
        self._house = house
        self._workers = workers
        self._legs = SipLegs(workers)
        self._trunks = trunks
        self._lanes = lanes
        self._address = address
        self._clock = clock
        self._dialogs: Dialogs
        self._sessions: dict[str, Session] = {}
        self._by_contact: dict[str, Session] = {}
        self.counts: Counter[str] = Counter()
        """Calls that have arrived, were answered, refused for want of media, ended."""
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False

    def serve(self, dialogs: Dialogs, audit: Callable[[Tenant, AuditEvent], None], dialled: Dialled) -> None:
        """The SIP side, which needs us first, the way into the tenants' audit trails, and the calls of ours."""
        self._dialogs = dialogs
        self._audit = audit
        self._dialled = dialled

    def __len__(self) -> int:
        return len(self._sessions)

    # Outliving the process

    def save(self, call: str) -> SavedCustomer | None:
        """None: the call is no customer's."""
        session = self._sessions.get(call)
        return session.save() if session is not None else None

    def owner_of(self, call: str) -> tuple[Tenant, str] | None:
        """The instance and the contact of a customer's call."""
        session = self._sessions.get(call)
        return (session.center.floor.tenant, session.contact) if session is not None else None

    def adopt(self, session: Session, trunk: str) -> None:
        """A customer of an earlier process, who came by this trunk; what has become of his legs is still to be found
        out."""
        self._trunks.limits.hold(trunk, ("in", session.call))
        self._sessions[session.call] = self._by_contact[session.contact] = session
        self._idle.clear()

    def join(self, session: Session) -> None:
        """The dialog of a customer who was adopted is up, and the centre does not know of him."""
        self._lanes.add(session.contact, lambda: self._join(session, None))

    async def idle(self) -> None:
        """Until no dialog is left."""
        await self._idle.wait()

    # From SIP

    def on_sip_event(self, event: SipEvent) -> None:
        if isinstance(event, CallEnded):
            self._trunks.limits.release(("in", event.call))
        match event:
            case IncomingCall(replaces=replaces) if replaces in self._sessions:
                session = self._sessions[replaces]
                self._lanes.add(session.contact, lambda: self._replace(session, event))
            case IncomingCall(call, replaces=str()):
                self._dialogs.reject(call, *NO_SUCH_CALL)
            case IncomingCall():
                self._arrive(event)
            case CallAnswered(call, sdp) if call in self._sessions:
                session = self._sessions[call]
                self._lanes.add(session.contact, lambda: self._join(session, sdp))
            case CallOffer(call, sdp) if call in self._sessions:
                session = self._sessions[call]
                self._lanes.add(session.contact, lambda: self._renegotiate(session, sdp))
            case OfferAnswered(call, sdp) if call in self._sessions and sdp is not None:
                session = self._sessions[call]
                self._lanes.add(session.contact, lambda: self._take_answer(session, sdp))
            case DigitPressed(call, digit, duration_ms) if call in self._sessions:
                session = self._sessions[call]
                self._lanes.add(session.contact, lambda: self._legs.take_digit(session, digit, duration_ms))
            case TransferAsked(call, target) if call in self._sessions:
                self._refuse_transfer(self._sessions[call], target)
            case TakeoverRefused(call, source) if call in self._sessions:
                self._note(self._sessions[call], "ReplaceCall", "refused", {"from": source})
            case CallEnded(call, cause) if call in self._sessions:
                self._leave(self._sessions[call], cause)
            case OfferWithdrawn(call):
                log.debug("< offer withdrawn", call=call)

    def _arrive(self, event: IncomingCall) -> None:
        name, called = self._trunks.place(event)
        trunk = self._trunks.named(name)
        center = self._house.of_instance(self._trunks.instance_of(name))
        if trunk is None:
            self._dialogs.reject(event.call, *NOT_ALLOWED)
            return
        if self.draining or center is None or called not in center.floor.numbers:
            self._dialogs.reject(event.call, *(DRAINING if self.draining else NO_SUCH_NUMBER))
            return
        if not self._trunks.limits.admit(name, ("in", event.call), self._clock()):
            self.counts["refused: trunk_limit"] += 1
            log.warning("x call refused", trunk=name, code="trunk_limit")
            self._dialogs.reject(event.call, *TOO_MANY_CALLS)
            return
        contact = str(uuid.uuid4())
        caller = caller_of(event, trunk.identity)
        session = Session(event.call, contact, center, called, caller, self._clock(), event.flow.remote[0])
        session.diverted_from = diverted_from(event)
        session.late_offer = event.sdp is None
        self._sessions[event.call] = self._by_contact[contact] = session
        self._idle.clear()
        self.counts["arrived"] += 1
        log.info("< call", contact=contact, trunk=name)
        self._lanes.add(contact, lambda: self._answer(session, trunk, event.sdp))

    async def _answer(self, session: Session, trunk: Trunk, offer: str | None) -> None:
        if session.over:
            return
        try:
            leg = MediaRules.of(trunk).leg(session.leg, session.contact, self._address, offer)
            media = await self._workers.begin(session.contact, leg)
        except Refusal as refusal:
            self.counts[f"refused: {refusal.code}"] += 1
            log.warning("x call refused", contact=session.contact, code=refusal.code, reason=refusal.message)
            self._workers.forget(session.contact)
            self._forget(session)
            self._dialogs.reject(session.call, *rejection(refusal))
            return
        if session.over:
            await self._drop(session)
        else:
            self.counts["answered"] += 1
            self._dialogs.answer(session.call, media.sdp)

    async def _replace(self, session: Session, event: IncomingCall) -> None:
        """The customer's call goes on by another dialog of its trunk (RFC 3891): the same leg, whose media moves."""
        if session.over:
            self._dialogs.reject(event.call, *NO_SUCH_CALL)
            return
        try:
            media = await self._legs.take_offer(session, event.sdp)
        except Refusal as refusal:
            self._dialogs.reject(event.call, *rejection(refusal))
            return
        if session.over:
            self._dialogs.reject(event.call, *NO_SUCH_CALL)
            return
        log.info("= call replaced", contact=session.contact)
        self._note(session, "ReplaceCall", "allowed")
        self._trunks.limits.hold(event.trunk, ("in", event.call))
        del self._sessions[session.call]
        session.call, session.late_offer = event.call, event.sdp is None
        self._sessions[session.call] = session
        self._dialogs.answer(event.call, media.sdp)

    def _refuse_transfer(self, session: Session, target: Pii[Uri]) -> None:
        """A trunk calls nobody through us: whom a customer speaks to, the flow and the agent decide."""
        log.warning("x transfer refused", contact=session.contact)
        self._note(session, "TransferCall", "refused", {"to": Pii(target.reveal().name)})
        self._dialogs.refuse_transfer(session.call, 403)

    def _note(
        self, session: Session, action: str, outcome: Outcome, detail: Mapping[str, str | Pii[str]] = NOTHING_MORE
    ) -> None:
        """A line of the audit trail."""
        resource = f"contact/{session.contact}"
        event = AuditEvent(self._clock(), "", session.source, action, resource, outcome, {**detail})
        self._audit(session.center.floor.tenant, event)

    async def _join(self, session: Session, answer: str | None) -> None:
        if session.over:
            return
        if session.late_offer and (answer is None or not await self._legs.take_answer(session, answer)):
            self._dialogs.hang_up(session.call)
            return
        if session.over or session.joined:  # over while the worker took the answer; joined: the dialog has changed
            return
        session.joined = True
        arrived = events.CallArrived(
            session.contact, session.leg, session.number, session.caller, session.initiated, session.diverted_from
        )  # fmt: skip
        self._house.tell(session.center, arrived)

    async def _take_answer(self, session: Session, answer: str) -> None:
        await self._legs.take_answer(session, answer)

    async def _renegotiate(self, session: Session, offer: str | None) -> None:
        if not session.over:
            await self._legs.renegotiate(session, offer, self._dialogs)

    def _leave(self, session: Session, cause: str) -> None:
        self.counts["ended"] += 1
        log.info("= call ended", contact=session.contact, cause=cause)
        self._forget(session)
        if session.joined:
            self._house.tell(session.center, events.CustomerLeft(session.contact, failed=cause not in WANTED))
        else:
            self._lanes.add(session.contact, lambda: self._drop(session))

    async def _drop(self, session: Session) -> None:
        await self._legs.drop(session)
        self._workers.forget(session.contact)

    def _forget(self, session: Session) -> None:
        session.over = True
        self._sessions.pop(session.call, None)
        self._by_contact.pop(session.contact, None)
        if not self._sessions:
            self._idle.set()

    # From the centre

    def hang_up(self, contact: str) -> None:
        """The centre has ended the contact: its dialog follows, if it is not over."""
        session = self._by_contact.get(contact)
        if session is not None:
            self._forget(session)
            self._dialogs.hang_up(session.call)
        self._dialled.hang_up(f"{contact}/customer")

    def prompt_failed(self, contact: str, player: str) -> None:
        self._player_ended(contact, player, failed=True)

    def hang_up_all(self) -> None:
        """Ends every call now."""
        for session in list(self._sessions.values()):
            self._house.tell(session.center, events.NodeStopped(session.contact))
            self.hang_up(session.contact)
        for contact in self._dialled.contacts():
            center = self._house.of_contact(contact)
            if center is not None:
                self._house.tell(center, events.NodeStopped(contact))
            self._dialled.lose(contact)

    # From the workers

    def on_worker_event(self, _: str, event: Events) -> None:
        match event:
            case LegUp(leg):
                self._agent_media(leg, "")
            case LegDown(leg, reason):
                log.warning("x leg lost its peer", leg=leg, reason=reason)
                self._agent_media(leg, reason)
                if reason == HANDSHAKE_FAILED:
                    self._lose_media(leg)
            case PlayerEnded(player, room):
                self._player_ended(room, player, failed=False)
            case Digit(leg, digit):
                self._digit(leg, digit)
            case MaskedDigit(leg, pound):
                self._digit(leg, "#" if pound else "")
            case MediaAlarm(leg, alarm, on):
                self._alarm(leg, alarm, on)
            case SendInfo(leg, digit, duration_ms):
                self._press(leg, digit, duration_ms)

    def _lose_media(self, leg: str) -> None:
        """There will be no sound on a customer's leg: the call is of no use to anybody."""
        session = self._by_contact.get(leg.partition("/")[0])
        if session is None or session.leg != leg:
            self._dialled.lose_media(leg)
            return
        self._dialogs.hang_up(session.call)
        self._leave(session, "media")

    def _press(self, leg: str, digit: str, duration_ms: int) -> None:
        session = self._by_contact.get(leg.partition("/")[0])
        if session is not None and session.leg == leg:
            self._dialogs.press(session.call, digit, duration_ms)
        else:
            self._dialled.press(leg, digit, duration_ms)

    def _alarm(self, leg: str, alarm: Alarm, on: bool) -> None:
        contact = leg.partition("/")[0]
        center = self._house.of_contact(contact)
        if on:
            log.warning("! media", contact=contact, leg=leg, alarm=alarm)
        if center is not None:
            self._house.tell(center, events.MediaAlarmed(contact, leg, alarm, on))

    def on_worker_presence(self, worker: str, there: bool) -> None:
        if there:
            log.info("= media worker there", worker=worker)
            return
        for room in self._workers.rooms_of(worker):
            self._workers.forget(room)
            center = self._house.of_contact(room)
            if center is not None:
                self._house.tell(center, events.MediaLost(room))
            self.hang_up(room)
            self._dialled.lose(room)

    def _agent_media(self, leg: str, failure: str) -> None:
        contact = leg.partition("/")[0]
        center = self._house.of_contact(contact)
        live = center.floor.live(contact) if center is not None else None
        if center is None or live is None or live.assignment is None or live.assignment.leg != leg:
            return
        event = events.AgentMediaFailed(contact, failure) if failure else events.AgentMediaUp(contact)
        self._house.tell(center, event)

    def _digit(self, leg: str, digit: str) -> None:
        contact = leg.partition("/")[0]
        log.debug("< digit", leg=leg)
        center = self._house.of_contact(contact)
        if center is not None:
            self._house.tell(center, events.DigitPressed(contact, leg, Pii(digit)))

    def _player_ended(self, contact: str, player: str, failed: bool) -> None:
        center = self._house.of_contact(contact)
        if center is not None:
            self._house.tell(center, events.PlayerFinished(contact, player, failed))
