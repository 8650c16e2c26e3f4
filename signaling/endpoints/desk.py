"""The agents' side of the house: what softphones ask becomes events, what the centre decides becomes what they show."""

import uuid
from collections.abc import Callable
from typing import Any, Literal, Protocol

import structlog

from ipc.messages import Answer, Command, Refusal
from relay.api import AddBrowserLeg, Media, Renegotiate, SendDigits
from signaling.center import events
from signaling.center.agent_states import STATUSES, Input, WrongState
from signaling.center.center import Center
from signaling.center.contact import Assignment, Contact
from signaling.center.floor import NotAllowed, NotYours
from signaling.center.handling import TALKING
from signaling.center.outbound import PERMISSION
from signaling.center.placing import is_placing, may_dial
from signaling.center.recording import controls
from signaling.center.security import user_name
from signaling.center.segments import NotNow
from signaling.center.sound import alarms as alarms_of
from signaling.house import House
from signaling.recordings.recording_desk import RecordingDesk
from signaling.softphone import protocol
from signaling.softphone.errors import Code, RpcError
from signaling.softphone.tokens import Tokens
from vault.pii import Pii

log = structlog.get_logger()

_REQUESTS: dict[type, Callable[[str, Any], events.Event]] = {
    protocol.SetStatus: lambda user, request: events.SetStatus(user, request.status),
    protocol.SetEndpoint: lambda user, request: events.SetEndpoint(user, request.endpoint),
    protocol.RejectContact: lambda user, request: events.Reject(user, request.contact_id),
    protocol.MuteContact: lambda user, request: events.Mute(user, request.contact_id, request.on),
    protocol.HoldContact: lambda user, request: events.Hold(
        user, request.contact_id, request.on, request.participant_id
    ),
    protocol.TransferContact: lambda user, request: events.Transfer(
        user, request.contact_id, request.quick_connect_id or "", str(uuid.uuid4()), request.number or Pii("")
    ),
    protocol.DropParticipant: lambda user, request: events.Drop(user, request.contact_id, request.participant_id),
    protocol.HangUpContact: lambda user, request: events.HangUp(user, request.contact_id),
    protocol.ClearContact: lambda user, request: events.Clear(user, request.contact_id),
}


class Notify(Protocol):
    def __call__(self, user: str, notification: protocol.Notification) -> None: ...


class Legs(Protocol):
    """What is asked of the relay workers: `signaling.media.workers.Workers` in the live server."""

    def carries(self, room: str) -> bool: ...

    async def begin(self, room: str, leg: AddBrowserLeg) -> Media: ...

    async def ask(self, room: str, command: Command[Answer]) -> Answer: ...


class Phones(Protocol):
    """`signaling.endpoints.phone_desk.PhoneDesk` in the live server."""

    def follow(self, center: Center, user: str) -> None: ...


class AgentDesk:
    """What `signaling.softphone.server.SoftphoneServer` asks of the contact centre. Users are named as by
    `security.user_name` there, and by their id in a centre."""

    def __init__(self, house: House, workers: Legs, tokens: Tokens, address: str, clock: Callable[[], float]) -> None:
        self._house = house
        self._workers = workers
        self._tokens = tokens
        self._address = address
        self._clock = clock
        self._notify: Notify
        self._recordings: RecordingDesk

    def serve(self, notify: Notify, recordings: RecordingDesk, phones: Phones) -> None:
        """Where notifications go, who carries out what is asked of recordings, and who calls phones; the server needs
        the desk first."""
        self._notify = notify
        self._recordings = recordings
        self._phones = phones

    def redeem(self, token: str) -> str | None:
        user = self._tokens.redeem(token, self._clock())
        return user if user is not None and self._house.of_agent(user) is not None else None

    def snapshot(self, name: str) -> protocol.Snapshot:
        center, user = self._agent(name)
        contact = contact_view(center, user)
        return protocol.Snapshot(agent_view(center, user), (contact,) if contact is not None else ())

    def present(self, name: str) -> None:
        center, user = self._agent(name)
        self._house.tell(center, events.AgentPresent(user))

    def cut(self, name: str) -> None:
        center, user = self._agent(name)
        self._house.tell(center, events.AgentCut(user))

    def absent(self, name: str) -> None:
        center, user = self._agent(name)
        self._house.tell(center, events.AgentAbsent(user))

    async def request(self, name: str, request: protocol.Request) -> protocol.Result:
        """Raises RpcError."""
        center, user = self._agent(name)
        try:
            if isinstance(request, protocol.AcceptContact):
                return await self._accept(center, user, request)
            if isinstance(request, protocol.DialContact):
                return self._dial(center, user, request)
            if isinstance(request, protocol.RenewMedia):
                return protocol.Answer(await self._renew(center, user, request))
            if isinstance(request, protocol.SendDigits):
                return await self._send_digits(center, user, request)
            if self._recordings.handles(request):
                self._recordings.of_agent(center, user, request)
            else:
                self._house.tell(center, _REQUESTS[type(request)](user, request))
        except NotYours:
            raise RpcError(Code.NOT_FOUND, "There is no such contact.") from None
        except NotAllowed as error:
            raise RpcError(Code.FORBIDDEN, f"{str(error).capitalize()}.") from None
        except WrongState as error:
            raise RpcError(Code.WRONG_STATE, f"Not now: {error}.", {"state": error.state}) from None
        except NotNow as error:
            raise RpcError(Code.WRONG_STATE, f"Not now: {error}.", {"state": error.state}) from None
        except ValueError as error:
            raise RpcError(Code.INVALID_PARAMS, f"{error}.") from None
        return protocol.Done()

    def show_agent(self, center: Center, user: str) -> None:
        self._tell(center, user, protocol.AgentChanged(agent_view(center, user)))

    def show_contact(self, center: Center, user: str, contact: str) -> None:
        view = contact_view(center, user)
        if view is not None and view.contact_id == contact:
            self._tell(center, user, protocol.ContactChanged(view))
        else:
            self._tell(center, user, protocol.ContactRemoved(contact))
        self._phones.follow(center, user)

    async def _accept(self, center: Center, user: str, request: protocol.AcceptContact) -> protocol.Result:
        assignment = center.floor.assignment(user, request.contact_id)
        if assignment.endpoint == "browser" and request.sdp is None:
            raise RpcError(Code.INVALID_PARAMS, "The contact is taken in the browser: its offer is missing.")
        self._house.tell(center, events.Accept(user, request.contact_id))
        if assignment.endpoint == "phone":
            return protocol.Done()
        room = assignment.contact.talk.room
        command = AddBrowserLeg(assignment.leg, room, self._address, request.sdp)
        try:
            return protocol.Answer((await self._workers.ask(room, command)).sdp)
        except Refusal as refusal:
            log.warning("x agent's media refused", contact=request.contact_id, code=refusal.code)
            if assignment.contact.assignment is assignment:  # the worker was slow: another agent may have it by now
                self._house.tell(center, events.AgentMediaFailed(request.contact_id, refusal.message))
            raise _media_error(refusal) from None

    async def _renew(self, center: Center, user: str, request: protocol.RenewMedia) -> str:
        assignment = center.floor.assignment(user, request.contact_id)
        if assignment.state not in ("CONNECTING", "CONNECTED", "CONNECTED_ONHOLD"):
            raise WrongState(assignment.state, Input.CONNECT)
        if assignment.endpoint == "phone":
            raise RpcError(Code.WRONG_STATE, "The contact is taken on a phone.", {"state": assignment.state})
        if is_placing(assignment) and not self._workers.carries(request.contact_id):
            return await self._begin(center, assignment, request)
        try:
            media: Media = await self._workers.ask(
                assignment.contact.talk.room, Renegotiate(assignment.leg, request.sdp)
            )
        except Refusal as refusal:
            raise _media_error(refusal) from None
        return media.sdp

    def _dial(self, center: Center, user: str, request: protocol.DialContact) -> protocol.Dialled:
        contact = str(uuid.uuid4())
        self._house.tell(center, events.PlaceContact(contact, user, request.number))
        return protocol.Dialled(contact)

    async def _begin(self, center: Center, assignment: Assignment, request: protocol.RenewMedia) -> str:
        """The sound of an agent who has dialled: the first leg of the contact's room."""
        command = AddBrowserLeg(assignment.leg, request.contact_id, self._address, request.sdp)
        try:
            return (await self._workers.begin(request.contact_id, command)).sdp
        except Refusal as refusal:
            log.warning("x agent's media refused", contact=request.contact_id, code=refusal.code)
            self._house.tell(center, events.AgentMediaFailed(request.contact_id, refusal.message))
            raise _media_error(refusal) from None

    async def _send_digits(self, center: Center, user: str, request: protocol.SendDigits) -> protocol.Done:
        assignment = center.floor.assignment(user, request.contact_id)
        legs = assignment.contact.lines() if assignment.state in TALKING else []
        if not legs:
            raise WrongState(assignment.state, Input.CONNECT)
        try:
            for leg in legs:
                await self._workers.ask(assignment.contact.talk.room, SendDigits(leg, request.digits.reveal()))
        except Refusal as refusal:
            code = Code.INVALID_PARAMS if refusal.code == "bad_command" else Code.UNAVAILABLE
            raise RpcError(code, "The digits could not be sent.") from None
        return protocol.Done()

    def _tell(self, center: Center, user: str, notification: protocol.Notification) -> None:
        self._notify(user_name(center.floor.tenant, user), notification)

    def _agent(self, name: str) -> tuple[Center, str]:
        """Raises RpcError."""
        found = self._house.of_agent(name)
        if found is None:
            raise RpcError(Code.FORBIDDEN, "This user takes no contacts.")
        return found


def _media_error(refusal: Refusal) -> RpcError:
    if refusal.code in ("bad_sdp", "no_common_codec"):
        return RpcError(Code.MEDIA_UNUSABLE, refusal.message)
    return RpcError(Code.UNAVAILABLE, "No media worker could take the call.")


def agent_view(center: Center, user: str) -> protocol.Agent:
    """What the agent is shown of himself."""
    agent = center.floor.agent(user)
    return protocol.Agent(
        id=agent.user.id,
        username=agent.user.username,
        name=agent.user.name,
        status=agent.status,
        since=agent.since,
        routable=agent.routable,
        statuses=STATUSES,
        next_status=agent.next_status,
        endpoint=agent.endpoint,
        endpoints=("browser", "phone") if agent.phone_there else ("browser",),
        may_dial=may_dial(center.floor, user),
        quick_connects=tuple(
            protocol.QuickConnect(one.id, one.name, one.type)
            for one in center.floor.quick_connects.values()
            if one.target != user and (one.type != "PHONE_NUMBER" or PERMISSION in center.floor.permissions(user))
        ),
    )


def contact_view(center: Center, user: str) -> protocol.Contact | None:
    """What the agent is shown of the contact that occupies him."""
    assignment = center.floor.agent(user).assignment
    return _view(center, assignment) if assignment is not None else None


def _view(center: Center, assignment: Assignment) -> protocol.Contact:
    contact = assignment.contact
    his = contact.assignment is assignment  # not after he missed it: another agent may talk by now
    alarms = alarms_of(contact) if his else {}
    return protocol.Contact(
        contact_id=contact.id,
        state=assignment.state,
        customer=contact.caller,
        system=contact.number,
        queue=contact.queue.name if contact.queue is not None else "",
        since=assignment.since,
        attributes=contact.attributes(),
        expires_at=assignment.expires if assignment.state == "INCOMING" else None,
        connected_at=contact.connected if his else None,
        muted=his and contact.muted,
        on_hold=his and contact.held,
        parked=his and contact.parked,
        participants=_participants(assignment) if his else (),
        recording=center.recording_state(contact) if his else "off",
        controls=controls(center.floor, contact, assignment.user.id) if his else (),
        secure=_secure(contact) if his else None,
        endpoint=assignment.endpoint,
        reason=assignment.reason or (contact.reason if his else None),
        outbound=contact.attempt is not None and contact.method == "OUTBOUND",
        progress=contact.attempt.progress if contact.attempt is not None and contact.phase == "dialling" else None,
        outcome=contact.attempt.outcome if contact.attempt is not None else None,
        unreached=contact.unreached if his else None,
        customer_alarm=alarms.get("customer"),
        agent_alarm=alarms.get("agent"),
    )


def _participants(assignment: Assignment) -> tuple[protocol.Participant, ...]:
    """The others in the agent's call, as long as he is in it."""
    contact = assignment.contact
    if contact.disconnected is not None or assignment.state == "INCOMING":
        return ()
    customer = protocol.Participant(events.CUSTOMER, "", "CONNECTED", contact.held)
    others = [one for one in contact.talk.live() if one is not contact]
    return (*(() if contact.talk.customer_left else (customer,)), *map(_participant, others))


def _participant(contact: Contact) -> protocol.Participant:
    state: Literal["ASKED", "CONNECTED"] = "CONNECTED" if contact.phase == "connected" else "ASKED"
    asked = contact.attempt if contact.outside and state == "ASKED" else None
    return protocol.Participant(
        contact.id,
        _name(contact),
        state,
        contact.parked,
        contact.muted,
        number=contact.caller if contact.outside else None,
        progress=asked.progress if asked is not None else None,
    )


def _name(contact: Contact) -> str:
    if contact.assignment is not None:
        return contact.assignment.user.name
    return contact.queue.name if contact.queue is not None else contact.label


def _secure(contact: Contact) -> protocol.SecureState | None:
    pause = contact.talk.secure
    return protocol.SecureState(pause.digits, pause.entered, pause.pound, pause.until) if pause is not None else None
