"""What is kept of each kind of thing that goes on: dialogs with whose they are, contacts, agents with their pages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from signaling.calling.calls import Calls
from signaling.calling.dialling import Dialling
from signaling.center.resources import Tenant
from signaling.center.saved import SavedContact, save_agent, save_contact
from signaling.center.security import user_name
from signaling.house import House
from signaling.sip.calls.saved import SavedCall
from signaling.sip.flow import Flow
from signaling.softphone.session import SavedSession
from signaling.store.live import LiveKey
from signaling.survival.inheritance import SavedDesk, SavedLine
from signaling.survival.live import AGENT, CALL, CONTACT, Source


class Dialogs(Protocol):
    """`signaling.sip_server.sip_io.SipServer` in the live server."""

    def save(self, call: str) -> SavedCall | None: ...

    def flow_of(self, call: str) -> Flow | None: ...


class Pages(Protocol):
    """`signaling.softphone.server.SoftphoneServer` in the live server."""

    def save(self, user: str) -> SavedSession | None: ...


@dataclass(frozen=True, slots=True)
class Parties:
    """Whose dialogs there are."""

    calls: Calls
    """Of customers."""
    dialling: Dialling
    """Ours."""

    def owner_of(self, call: str) -> tuple[Tenant, str] | None:
        """The instance and the contact of a call; None: it is no contact's, or not yet."""
        return self.calls.owner_of(call) or self.dialling.owner_of(call)


class LiveSources:
    """`worker_of` a room; `instance_of` a flow, where one is at its other end: what is nobody's is not kept."""

    def __init__(
        self, house: House, parties: Parties, worker_of: Callable[[str], str], instance_of: Callable[[Flow], str]
    ) -> None:
        self._house = house
        self._parties = parties
        self._worker_of = worker_of
        self._instance_of = instance_of
        self._dialogs: Dialogs
        self._pages: Pages
        self._keys: dict[str, LiveKey] = {}
        self.by_kind: dict[str, Source] = {CALL: self._line, CONTACT: self._contact, AGENT: self._desk}

    def serve(self, dialogs: Dialogs, pages: Pages) -> None:
        """The SIP side and the agents' pages, which need others first."""
        self._dialogs, self._pages = dialogs, pages

    def keys_of(self, calls: Iterable[str]) -> list[LiveKey]:
        """What is to be noted when these calls have changed."""
        return [key for call in calls if (key := self._key(call)) is not None]

    def _key(self, call: str) -> LiveKey | None:
        flow = self._dialogs.flow_of(call)
        if flow is None:
            return self._keys.pop(call, None)
        if call not in self._keys:
            tenant = self._tenant_of(call, flow)
            if tenant is None:
                return None
            self._keys[call] = LiveKey(tenant, CALL, call)
        return self._keys[call]

    def _tenant_of(self, call: str, flow: Flow) -> Tenant | None:
        owner = self._parties.owner_of(call)
        center = self._house.of_instance(self._instance_of(flow)) if owner is None else None
        return owner[0] if owner is not None else center.floor.tenant if center is not None else None

    def _line(self, _: Tenant, call: str) -> SavedLine | None:
        dialog = self._dialogs.save(call)
        if dialog is None:
            return None
        customer, dialled = self._parties.calls.save(call), self._parties.dialling.save(call)
        party = customer or dialled
        return SavedLine(dialog, customer, dialled, self._worker_of(party.contact) if party is not None else "")

    def _contact(self, tenant: Tenant, contact: str) -> SavedContact | None:
        center = self._house.of_instance(tenant.instance)
        return save_contact(center.floor, contact) if center is not None else None

    def _desk(self, tenant: Tenant, user: str) -> SavedDesk | None:
        """None for one who does nothing here: he begins anew when he comes."""
        center = self._house.of_instance(tenant.instance)
        agent = save_agent(center.floor, user) if center is not None else None
        session = self._pages.save(user_name(tenant, user))
        if agent is None or (session is None and agent.assignment is None):
            return None
        return SavedDesk(agent, session)
