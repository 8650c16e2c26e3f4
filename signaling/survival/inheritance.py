"""What an earlier control plane of this node left behind: what went on when it was killed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import msgspec
import structlog

from signaling.calling.customers import SavedCustomer
from signaling.calling.dialling import SavedDialled
from signaling.center.resources import Tenant
from signaling.center.saved import SavedAgent, SavedContact
from signaling.sip.calls.saved import SavedCall
from signaling.softphone.session import SavedSession
from signaling.store.live import LiveKey, LiveState
from signaling.survival.live import AGENT, CALL, CONTACT
from signaling.survival.states import StateError, decode

log = structlog.get_logger()
Value = TypeVar("Value")


class SavedLine(msgspec.Struct, frozen=True):
    """A dialog, whose it is, and where its media is."""

    call: SavedCall
    customer: SavedCustomer | None
    dialled: SavedDialled | None
    worker: str


class SavedDesk(msgspec.Struct, frozen=True):
    """An agent, and the session of his page."""

    agent: SavedAgent
    session: SavedSession | None


@dataclass
class Inheritance:
    lines: list[tuple[Tenant, SavedLine, float]] = field(default_factory=list)
    """Each with when it was saved, in Unix seconds."""
    contacts: dict[Tenant, list[SavedContact]] = field(default_factory=dict)
    desks: dict[Tenant, list[SavedDesk]] = field(default_factory=dict)
    keys: list[LiveKey] = field(default_factory=list)
    """Of all that was kept, also of what cannot be read."""


class States(Protocol):
    """`signaling.store.Store` in the live server."""

    async def live_states(self, tenant: Tenant) -> list[LiveState]: ...


async def load(states: States, tenants: Iterable[Tenant]) -> Inheritance:
    """What cannot be read is told, and does not keep the rest from being taken over."""
    found = Inheritance()
    for tenant in tenants:
        for state in await states.live_states(tenant):
            found.keys.append(state.key)
            try:
                _add(found, tenant, state)
            except StateError as error:
                log.error("! not taken over", kind=state.key.kind, id=state.key.id, reason=str(error))
    return found


def _add(found: Inheritance, tenant: Tenant, state: LiveState) -> None:
    """Raises StateError."""
    text = state.state.reveal()
    if state.key.kind == CALL:
        found.lines.append((tenant, decode(text, SavedLine), state.updated))
    elif state.key.kind == CONTACT:
        found.contacts.setdefault(tenant, []).append(decode(text, SavedContact))
    elif state.key.kind == AGENT:
        found.desks.setdefault(tenant, []).append(decode(text, SavedDesk))
