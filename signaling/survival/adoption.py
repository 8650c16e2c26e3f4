"""A new control plane takes over the calls of the one before: `restore`, then `finish` when media workers have told
what they still have, and SIP is listened on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from ipc.messages import Answer, Command, Refusal
from relay.api import DropLeg
from signaling.calling.customers import Session
from signaling.calling.dial import Dial, MediaRules, Tell
from signaling.calling.dialling import SavedDialled
from signaling.calling.lanes import Lanes
from signaling.center import adoption, events, saved
from signaling.center.center import Center
from signaling.center.contact import Assignment, Contact
from signaling.center.decisions import Decision
from signaling.center.floor import Floor
from signaling.center.handling import TALKING
from signaling.center.resources import Tenant
from signaling.center.security import user_name
from signaling.house import House
from signaling.sip.calls.saved import SavedCall
from signaling.sip.errors import ParseError
from signaling.sip.headers import NameAddr
from signaling.sip.messages.uri import Uri
from signaling.softphone.session import SavedSession
from signaling.survival.inheritance import Inheritance, SavedLine
from signaling.survival.live_sources import Parties

log = structlog.get_logger()


class Dialogs(Protocol):
    """`signaling.sip_server.sip_io.SipServer` in the live server."""

    def restore(self, call: SavedCall, age: float) -> None: ...

    def hang_up(self, call: str) -> None: ...

    def probe(self, call: str) -> None: ...


class Pages(Protocol):
    """`signaling.softphone.server.SoftphoneServer` in the live server."""

    def restore(self, saved: SavedSession) -> None: ...

    def save(self, user: str) -> SavedSession | None: ...


class Media(Protocol):
    """`signaling.media.workers.Workers` in the live server."""

    def inherit(self, rooms: Mapping[str, str]) -> None: ...

    def forget(self, room: str) -> None: ...

    async def ask(self, room: str, command: Command[Answer]) -> Answer: ...


class PhonesOfAgents(Protocol):
    """`signaling.endpoints.phone_desk.PhoneDesk` in the live server."""

    def adopt(self, center: Center, assignment: Assignment) -> Tell: ...


class Placed(Protocol):
    """`signaling.calling.outgoing.Outgoing` in the live server."""

    def adopt(self, center: Center, leg: str, trunk: str) -> Tell: ...


@dataclass(frozen=True, slots=True)
class Takers:
    """Who goes on with calls."""

    parties: Parties
    phones: PhonesOfAgents
    placed: Placed


class Adoption:
    """Used once, at the start."""

    def __init__(self, house: House, takers: Takers, media: Media, lanes: Lanes) -> None:
        self._house = house
        self._calls = takers.parties.calls
        self._dialling = takers.parties.dialling
        self._takers = takers
        self._media = media
        self._lanes = lanes
        self._inherited = Inheritance()
        self._dialled: list[tuple[Tenant, SavedLine, SavedDialled]] = []
        self._going: set[str] = set()
        """Legs of calls of ours that go on."""
        self._asked: list[str] = []
        """These calls, whose peers are to be asked whether they do."""
        self._sessions: dict[str, Session] = {}
        """By contact: those that may go on."""
        self._up: set[str] = set()
        """Calls that are confirmed."""
        self._strays: list[str] = []
        """Calls that nobody goes on with."""

    def restore(self, inherited: Inheritance, dialogs: Dialogs, now: float) -> set[str]:
        """Before anything runs: the contacts that are there again."""
        self._inherited = inherited
        for center in self._house:
            tenant = center.floor.tenant
            agents = [desk.agent for desk in self._inherited.desks.get(tenant, [])]
            saved.restore(center.floor, self._inherited.contacts.get(tenant, []), agents)
        rooms = {}
        for tenant, line, updated in self._inherited.lines:
            try:
                dialogs.restore(line.call, max(0.0, now - updated))
            except ParseError as error:
                log.error("! call not taken over", call=line.call.call, reason=str(error))
                continue
            contact = self._take(tenant, line)
            if contact is not None:
                rooms[contact] = line.worker
        self._media.inherit(rooms)
        return {contact for center in self._house for contact in center.floor.contacts}

    def running_recordings(self) -> list[tuple[Center, Decision]]:
        return [(center, start) for center in self._house for start in adoption.running_recordings(center.floor)]

    def restore_pages(self, pages: Pages) -> None:
        """Each has some time to come back."""
        for desks in self._inherited.desks.values():
            for session in [desk.session for desk in desks if desk.session is not None]:
                try:
                    pages.restore(session)
                except ValueError:
                    log.error("! page not taken over", user=session.user)

    def finish(self, legs: Mapping[str, list[str]], dialogs: Dialogs, pages: Pages) -> None:
        """`legs`: those that workers still have, by room. What has none, or no dialog, ends."""
        for tenant, line, dialled in self._dialled:
            self._take_dialled(tenant, line, (dialled, legs.get(dialled.contact, [])))
        for call in self._strays:
            dialogs.hang_up(call)
        for call in self._asked:
            dialogs.probe(call)
        for session in self._sessions.values():
            if session.leg in legs.get(session.contact, []):
                self._go_on(session, legs[session.contact], dialogs.probe)
            else:
                self._lose(session)
        for center in self._house:
            for room in {live.talk.room for live in center.floor.contacts.values() if live.disconnected is None}:
                if room not in self._sessions and f"{room}/customer" not in self._going:
                    self._house.tell(center, events.ContactNotAdopted(room))
            for party in self._lost_third_parties(center.floor):
                self._house.tell(center, events.CustomerLeft(party.id, failed=True))
            for assignment in self._without_phone(center.floor):
                self._house.tell(center, events.HangUp(assignment.user.id, assignment.contact.id))
            for user in _missing(center.floor, pages):
                self._house.tell(center, events.AgentAbsent(user))
        self._house.wake()
        if self._inherited.lines:
            log.info("= calls taken over", calls=len(self._calls), ended=len(self._inherited.lines) - len(self._calls))

    def _take(self, tenant: Tenant, line: SavedLine) -> str | None:
        """The contact of a dialog; None: it has none, or is over."""
        if line.call.phase not in ("up", "answered"):
            return None
        center = self._house.of_instance(tenant.instance)
        if line.dialled is not None and line.call.phase == "up":
            self._dialled.append((tenant, line, line.dialled))
            return line.dialled.contact
        if line.customer is None or center is None:
            self._strays.append(line.call.call)
            return None
        session = Session.restored(line.call.call, center, line.customer)
        self._calls.adopt(session, line.call.trunk)
        self._sessions[session.contact] = session
        if line.call.phase == "up":
            self._up.add(session.call)
        return session.contact

    def _go_on(self, session: Session, legs: list[str], probe: Callable[[str], None]) -> None:
        wanted = {session.leg}
        contact = session.center.floor.line(session.contact)
        for one in contact.talk.live() if contact is not None else ():
            if one.assignment is not None and one.assignment.state in TALKING:
                wanted.add(one.assignment.leg)
            if one.outside in self._going:
                wanted.add(one.outside)
        # First of all, since a phone that is to ring again has a leg of the same name.
        self._drop_later(session.contact, [leg for leg in legs if leg not in wanted])
        if contact is not None:
            self._house.tell(session.center, events.ContactAdopted(session.contact))
        elif session.call in self._up:
            self._calls.join(session)
        if session.call in self._up:
            probe(session.call)  # its end may have been told to nobody

    def _lose(self, session: Session) -> None:
        self._media.forget(session.contact)
        if session.center.floor.line(session.contact) is not None:
            self._house.tell(session.center, events.MediaLost(session.contact))
        self._calls.hang_up(session.contact)

    def _take_dialled(self, tenant: Tenant, line: SavedLine, there: tuple[SavedDialled, list[str]]) -> None:
        """`there`: the call of ours, and the legs of its room."""
        dialled, legs = there
        center, dialog = self._house.of_instance(tenant.instance), line.call.dialog
        tell = self._teller(center, dialled, line.call.trunk) if center is not None and dialled.leg in legs else None
        if center is None or dialog is None or tell is None:
            self._strays.append(line.call.call)
            self._drop_later(dialled.contact, [dialled.leg])
            return
        target = Uri.parse(dialog.target.reveal())
        dial = Dial(tenant, dialled.contact, dialled.leg, line.call.flow, target, NameAddr(target), MediaRules())
        self._dialling.adopt(line.call.call, dial, tell)
        self._going.add(dialled.leg)
        self._asked.append(line.call.call)
        if dialled.leg == f"{dialled.contact}/customer":
            self._house.tell(center, events.ContactAdopted(dialled.contact))

    def _teller(self, center: Center, dialled: SavedDialled, trunk: str) -> Tell | None:
        """Who wants to hear of it: the contact that was placed, or the third party that was called, once it was
        answered; or the agent who talks on it."""
        contact = center.floor.line(dialled.contact)
        if contact is None:
            return None
        if contact.leg == dialled.leg and contact.phase != "dialling":
            return self._takers.placed.adopt(center, dialled.leg, trunk)
        for one in contact.talk.live():
            if one.outside == dialled.leg and one.phase == "connected":
                return self._takers.placed.adopt(center, dialled.leg, trunk)
            if one.assignment is not None and _talks_on(one.assignment, dialled.leg):
                return self._takers.phones.adopt(center, one.assignment)
        return None

    def _without_phone(self, floor: Floor) -> list[Assignment]:
        """Agents who talk on a phone whose call is not there any more."""
        found = [agent.assignment for agent in floor.agents.values() if agent.assignment is not None]
        return [one for one in found if _talks_on(one, one.leg) and one.leg not in self._going]

    def _lost_third_parties(self, floor: Floor) -> list[Contact]:
        """Those whose call is not there any more."""
        live = [contact for contact in floor.contacts.values() if contact.outside and contact.disconnected is None]
        return [one for one in live if one.phase == "connected" and one.outside not in self._going]

    def _drop_later(self, room: str, legs: list[str]) -> None:
        if legs:
            self._lanes.add(room, lambda: self._drop(room, legs))

    async def _drop(self, room: str, legs: list[str]) -> None:
        for leg in legs:
            try:
                await self._media.ask(room, DropLeg(leg))
            except Refusal:
                log.debug("x leg was gone", contact=room)


def _talks_on(assignment: Assignment, leg: str) -> bool:
    """The agent talks, on a phone whose leg this is."""
    return assignment.endpoint == "phone" and assignment.state in TALKING and assignment.leg == leg


def _missing(floor: Floor, pages: Pages) -> list[str]:
    """The agents who are not known to have a page any more."""
    return [
        user
        for user, agent in floor.agents.items()
        if (agent.assignment is not None or agent.since) and pages.save(user_name(floor.tenant, user)) is None
    ]
