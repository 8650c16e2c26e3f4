"""What is kept of each kind of thing that goes on: dialogs with whose they are, contacts, agents with their pages."""

from collections.abc import Callable, Iterable
from typing import Protocol

from signaling.calls import Calls
from signaling.center.resources import Tenant
from signaling.center.saved import SavedContact, save_agent, save_contact
from signaling.center.security import user_name
from signaling.house import House
from signaling.inheritance import SavedDesk, SavedLine
from signaling.live import AGENT, CALL, CONTACT, Source
from signaling.sip.flow import Flow
from signaling.sip.saved import SavedCall
from signaling.softphone.session import SavedSession
from signaling.store.live import LiveKey


class Dialogs(Protocol):
    """`signaling.sip_io.SipServer` in the live server."""

    def save(self, call: str) -> SavedCall | None: ...

    def flow_of(self, call: str) -> Flow | None: ...


class Pages(Protocol):
    """`signaling.softphone.server.SoftphoneServer` in the live server."""

    def save(self, user: str) -> SavedSession | None: ...


class LiveSources:
    """`worker_of` a room; `trunk_of` a flow: what is nobody's is not kept."""

    def __init__(
        self, house: House, calls: Calls, worker_of: Callable[[str], str], trunk_of: Callable[[Flow], str | None]
    ) -> None:
        self._house = house
        self._calls = calls
        self._worker_of = worker_of
        self._trunk_of = trunk_of
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
            center = self._house.of_instance((self._trunk_of(flow) or "").partition("/")[0])
            if center is None:
                return None
            self._keys[call] = LiveKey(center.floor.tenant, CALL, call)
        return self._keys[call]

    def _line(self, _: Tenant, call: str) -> SavedLine | None:
        dialog = self._dialogs.save(call)
        if dialog is None:
            return None
        customer = self._calls.save(call)
        return SavedLine(dialog, customer, self._worker_of(customer.contact) if customer is not None else "")

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
