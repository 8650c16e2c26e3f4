"""A new control plane takes over the calls of the one before: `restore`, then `finish` when media workers have told
what they still have, and SIP is listened on."""

from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from ipc.messages import Answer, Command, Refusal
from relay.api import DropLeg
from signaling.calls import Calls
from signaling.center import adoption, events, saved
from signaling.center.center import Center
from signaling.center.decisions import Decision
from signaling.center.floor import Floor
from signaling.center.resources import Tenant
from signaling.center.security import user_name
from signaling.customers import Session
from signaling.house import House
from signaling.inheritance import Inheritance, SavedLine
from signaling.lanes import Lanes
from signaling.sip.errors import ParseError
from signaling.sip.saved import SavedCall
from signaling.softphone.session import SavedSession

log = structlog.get_logger()


class Dialogs(Protocol):
    """`signaling.sip_io.SipServer` in the live server."""

    def restore(self, call: SavedCall, age: float) -> None: ...

    def hang_up(self, call: str) -> None: ...

    def probe(self, call: str) -> None: ...


class Pages(Protocol):
    """`signaling.softphone.server.SoftphoneServer` in the live server."""

    def restore(self, saved: SavedSession) -> None: ...

    def save(self, user: str) -> SavedSession | None: ...


class Media(Protocol):
    """`signaling.workers.Workers` in the live server."""

    def inherit(self, rooms: Mapping[str, str]) -> None: ...

    def forget(self, room: str) -> None: ...

    async def ask(self, room: str, command: Command[Answer]) -> Answer: ...


class Adoption:
    """Used once, at the start."""

    def __init__(self, house: House, calls: Calls, media: Media, lanes: Lanes, inherited: Inheritance) -> None:
        self._house = house
        self._calls = calls
        self._media = media
        self._lanes = lanes
        self._inherited = inherited
        self._sessions: dict[str, Session] = {}
        """By contact: those that may go on."""
        self._up: set[str] = set()
        """Calls that are confirmed."""
        self._strays: list[str] = []
        """Calls that nobody goes on with."""

    def restore(self, dialogs: Dialogs, now: float) -> set[str]:
        """Before anything runs: the contacts that are there again."""
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
            session = self._take(tenant, line)
            if session is not None:
                rooms[session.contact] = line.worker
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
        for call in self._strays:
            dialogs.hang_up(call)
        for session in self._sessions.values():
            if session.leg in legs.get(session.contact, []):
                self._go_on(session, legs[session.contact], dialogs.probe)
            else:
                self._lose(session)
        for center in self._house:
            for contact in [live.id for live in center.floor.contacts.values() if live.disconnected is None]:
                if contact not in self._sessions:
                    self._house.tell(center, events.ContactNotAdopted(contact))
            for user in _missing(center.floor, pages):
                self._house.tell(center, events.AgentAbsent(user))
        self._house.wake()
        if self._inherited.lines:
            log.info("= calls taken over", calls=len(self._calls), ended=len(self._inherited.lines) - len(self._calls))

    def _take(self, tenant: Tenant, line: SavedLine) -> Session | None:
        """The customer's part of a dialog; None: there is none, or it is over."""
        if line.call.phase not in ("up", "answered"):
            return None
        center = self._house.of_instance(tenant.instance)
        if line.customer is None or center is None:
            self._strays.append(line.call.call)
            return None
        session = Session.restored(line.call.call, center, line.customer)
        self._calls.adopt(session)
        self._sessions[session.contact] = session
        if line.call.phase == "up":
            self._up.add(session.call)
        return session

    def _go_on(self, session: Session, legs: list[str], probe: Callable[[str], None]) -> None:
        wanted = {session.leg}
        contact = session.center.floor.live(session.contact)
        if contact is not None:
            if contact.assignment is not None:
                wanted.add(contact.assignment.leg)
            self._house.tell(session.center, events.ContactAdopted(session.contact))
        elif session.call in self._up:
            self._calls.join(session)
        if strays := [leg for leg in legs if leg not in wanted]:
            self._lanes.add(session.contact, lambda: self._drop(session.contact, strays))
        if session.call in self._up:
            probe(session.call)  # its end may have been told to nobody

    def _lose(self, session: Session) -> None:
        self._media.forget(session.contact)
        if session.center.floor.live(session.contact) is not None:
            self._house.tell(session.center, events.MediaLost(session.contact))
        self._calls.hang_up(session.contact)

    async def _drop(self, room: str, legs: list[str]) -> None:
        for leg in legs:
            try:
                await self._media.ask(room, DropLeg(leg))
            except Refusal:
                log.debug("x leg was gone", contact=room)


def _missing(floor: Floor, pages: Pages) -> list[str]:
    """The agents who are not known to have a page any more."""
    return [
        user
        for user, agent in floor.agents.items()
        if (agent.assignment is not None or agent.since) and pages.save(user_name(floor.tenant, user)) is None
    ]
