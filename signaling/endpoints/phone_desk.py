"""Agents who take contacts on a phone: it is called when it is to ring, and follows what the centre decides.

A phone that answers by itself is called once its agent has accepted on his page; any other rings as soon as he is
offered a contact, and to pick up is to accept. What the agent does beside that, he does on his page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

import structlog

from ipc.messages import Answer, Command, Refusal
from relay.api import DropLeg, Events, LegDown, LegUp
from signaling.calling.dial import Answered, Dial, DialEvent, Ended, Failed, MediaRules, Tell
from signaling.calling.lanes import Lanes
from signaling.center import events
from signaling.center.agent_states import WrongState
from signaling.center.center import Center
from signaling.center.contact import Assignment
from signaling.center.floor import NotYours
from signaling.center.handling import TALKING
from signaling.endpoints.phones import Owned
from signaling.house import House
from signaling.sip.calls.outcome import Outcome
from signaling.sip.headers import NameAddr
from signaling.sip.messages.uri import Uri, format_host
from signaling.sip.registering.bindings import Binding
from signaling.sip.replies import Fields

log = structlog.get_logger()

PATIENCE = 4.0
"""Seconds for a phone to say anything, before the next way to one is tried."""
LIVE = ("INCOMING", "CONNECTING", *TALKING)
"""States of a contact in which a phone may ring or be up."""
ASIDE: Fields = (
    ("Alert-Info", "<http://www.notused.invalid>;info=alert-autoanswer;delay=0"),
    ("Answer-Mode", "Auto"),
)
"""Ways to say that a phone is to answer by itself, beside Call-Info: RFC 5373, and what makers agreed on before it."""
REASONS: dict[Outcome, str] = {
    "busy": "Your phone is busy.",
    "no_answer": "Your phone was not answered.",
    "rejected": "Your phone declined the call.",
}
UNREACHABLE = "Your phone could not be reached."
NOT_REGISTERED = "Your phone is not registered."
HUNG_UP = "The phone hung up."


Way = tuple[Owned, Binding]


class Ways(Protocol):
    """`signaling.endpoints.registrations.Registrations` in the live server."""

    def ways_to(self, instance: str, user: str) -> list[Way]: ...


class Dialler(Protocol):
    """`signaling.calling.dialling.Dialling` in the live server."""

    def dial(self, dial: Dial, tell: Tell) -> None: ...

    def hang_up(self, leg: str) -> None: ...


class Legs(Protocol):
    """What is asked of the relay workers: `signaling.media.workers.Workers` in the live server."""

    async def ask(self, room: str, command: Command[Answer]) -> Answer: ...


@dataclass
class PhoneCall:
    """One call to one agent's phone. Owned by PhoneDesk."""

    center: Center
    assignment: Assignment
    ways: list[Way]
    """That are still to be tried."""
    begun_in: str
    """The contact's state when the phone was called."""
    is_dtls: bool = False
    answered: bool = False
    media: bool = False
    """Keys are there, of those that the media brings itself."""
    over: bool = False

    @property
    def user(self) -> str:
        return self.assignment.user.id

    @property
    def contact(self) -> str:
        return self.assignment.contact.id

    @property
    def room(self) -> str:
        """Of the call that the contact is part of."""
        return self.assignment.contact.talk.room


class PhoneDesk:
    def __init__(self, house: House, ways: Ways, dialler: Dialler, workers: Legs, lanes: Lanes) -> None:
        self._house = house
        self._ways = ways
        self._dialler = dialler
        self._workers = workers
        self._lanes = lanes
        self._calls: dict[str, PhoneCall] = {}
        """By leg."""
        self._by_agent: dict[tuple[str, str], PhoneCall] = {}

    def follow(self, center: Center, user: str) -> None:
        """The agent's contact is not what it was: his phone is called, or hung up."""
        assignment = center.floor.agent(user).assignment
        call = self._by_agent.get((center.floor.tenant.instance, user))
        if call is not None and not _is_wanted(call, assignment):
            self._hang_up(call)
            call = None
        if call is None and assignment is not None and assignment.endpoint == "phone":
            self._consider(center, assignment)

    def adopt(self, center: Center, assignment: Assignment) -> Tell:
        """The agent talks on his phone since before this process; what is to be told of that call."""
        call = PhoneCall(center, assignment, [], assignment.state, answered=True, media=True)
        self._calls[assignment.leg] = call
        self._by_agent[center.floor.tenant.instance, assignment.user.id] = call
        return lambda event: self._told(call, event)

    def on_worker_event(self, event: Events) -> bool:
        """Whether it is of the leg of a phone."""
        if not isinstance(event, LegUp | LegDown) or event.leg not in self._calls:
            return False
        call = self._calls[event.leg]
        if isinstance(event, LegDown):
            log.warning("x phone's leg lost its peer", leg=event.leg, reason=event.reason)
            self._fail(call, event.reason)
        else:
            call.media = True
            self._join(call)
        return True

    def _consider(self, center: Center, assignment: Assignment) -> None:
        if assignment.state not in ("INCOMING", "CONNECTING"):
            return
        ways = self._ways.ways_to(center.floor.tenant.instance, assignment.user.id)
        if assignment.state == "INCOMING" and (not ways or ways[0][0].phone.auto_answer):
            return
        call = PhoneCall(center, assignment, ways, assignment.state)
        self._calls[assignment.leg] = call
        self._by_agent[center.floor.tenant.instance, assignment.user.id] = call
        if ways:
            self._call(call)
        else:
            self._later(call, lambda: self._lose(call, NOT_REGISTERED))

    def _call(self, call: PhoneCall) -> None:
        owned, binding = call.ways.pop(0)
        call.is_dtls = owned.phone.media == "dtls" or binding.flow.transport == "wss"
        self._dialler.dial(_dial(call, owned, binding), lambda event: self._told(call, event))

    def _told(self, call: PhoneCall, event: DialEvent) -> None:
        if self._calls.get(call.assignment.leg) is not call:
            return
        match event:
            case Answered():
                call.answered = True
                if call.assignment.state == "INCOMING":
                    self._tell(call, events.Accept(call.user, call.contact))
                self._join(call)
            case Failed(elsewhere=True) if call.ways:  # a dead flow (RFC 5626 §5.3)
                self._call(call)
            case Failed(_, outcome):
                self._lose(call, REASONS.get(outcome, UNREACHABLE), declined=outcome in ("busy", "rejected"))
            case Ended():
                call.over = True
                if call.assignment.state in TALKING:
                    self._tell(call, events.HangUp(call.user, call.contact))
                else:
                    self._fail(call, HUNG_UP)

    def _join(self, call: PhoneCall) -> None:
        if call.answered and (call.media or not call.is_dtls) and not call.over:
            self._tell(call, events.AgentMediaUp(call.contact))

    def _lose(self, call: PhoneCall, reason: str, declined: bool = False) -> None:
        """It will not be answered. Who declines on his phone declines the contact; else he may still accept it."""
        call.over = True
        if call.assignment.state == "INCOMING" and declined:
            self._tell(call, events.Reject(call.user, call.contact))
        else:
            self._fail(call, reason)

    def _fail(self, call: PhoneCall, reason: str) -> None:
        if call.assignment.contact.assignment is call.assignment:
            self._tell(call, events.AgentMediaFailed(call.contact, reason))

    def _tell(self, call: PhoneCall, event: events.Event) -> None:
        try:
            self._house.tell(call.center, event)
        except (NotYours, WrongState) as error:
            log.debug("x phone came too late", contact=call.contact, error=type(error).__name__)

    def _later(self, call: PhoneCall, work: Callable[[], None]) -> None:
        """After the decisions that are being carried out."""

        async def do() -> None:
            if self._calls.get(call.assignment.leg) is call:
                work()

        self._lanes.add(call.contact, do)

    def _hang_up(self, call: PhoneCall) -> None:
        leg = call.assignment.leg
        self._calls.pop(leg, None)
        self._by_agent.pop((call.center.floor.tenant.instance, call.user), None)
        self._dialler.hang_up(leg)
        self._lanes.add(call.room, lambda: self._drop(call.room, leg))

    async def _drop(self, room: str, leg: str) -> None:
        try:
            await self._workers.ask(room, DropLeg(leg))
        except Refusal:
            log.debug("x leg was gone", contact=room)


def _is_wanted(call: PhoneCall, assignment: Assignment | None) -> bool:
    if assignment is not call.assignment or assignment.state not in LIVE:
        return False
    # It was not reached while it rang for the offer, and its agent has accepted on his page: it is called once more.
    return not (call.over and call.begun_in == "INCOMING" and assignment.state == "CONNECTING")


def _dial(call: PhoneCall, owned: Owned, binding: Binding) -> Dial:
    contact, host, phone = call.assignment.contact, format_host(binding.flow.local[0]), owned.phone
    caller = Uri("sip", quote(contact.caller.reveal(), safe="+") or "anonymous", host)
    queue = contact.queue.name if contact.queue is not None else ""
    rules = MediaRules("off" if phone.media == "plain" else "required", phone.codecs, dtls=call.is_dtls)
    aside: Fields = (("Call-Info", f"<sip:{host}>;answer-after=0"), *ASIDE) if phone.auto_answer else ()
    return Dial(
        owned.tenant,
        call.room,
        call.assignment.leg,
        binding.flow,
        binding.contact,
        NameAddr(caller, queue if queue.isprintable() else ""),
        rules,
        aside,
        patience=PATIENCE,
        keeps_flow=True,
    )
