"""Keeps what goes on now, so that another process can go on with it: calls, contacts, agents.

Whatever may have changed is noted and written at most WRITE_SECONDS later, all that was noted together, as it is by
then: no call waits for it. What changed after the last writing is lost with the process.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from ipc.faults import told
from signaling.center.center import Center
from signaling.center.resources import Tenant
from signaling.store.errors import StoreUnavailable
from signaling.store.live import LiveKey, LiveState
from signaling.survival.states import StateError, encode
from vault.kms import KmsError
from vault.pii import Pii

CALL, CONTACT, AGENT = "call", "contact", "agent"
WRITE_SECONDS = 0.1
RETRY_SECONDS = 1.0
log = structlog.get_logger()

Source = Callable[[Tenant, str], Any]
"""What is to be kept of one of a kind; None: it is over."""


class States(Protocol):
    """`signaling.store.Store` in the live server."""

    async def save_live(self, states: list[LiveState], gone: list[LiveKey], at: float) -> None: ...


class LiveKeeper:
    """`sources` by kind."""

    def __init__(self, states: States, sources: Mapping[str, Source], clock: Callable[[], float]) -> None:
        self._states = states
        self._sources = sources
        self._clock = clock
        self._noted: dict[LiveKey, None] = {}
        self._written: set[LiveKey] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def found(self, key: LiveKey) -> None:
        """An earlier process has written it: it is removed, unless it still goes on."""
        self._written.add(key)
        self.note(key)

    def watch(self, center: Center, thing: object) -> None:
        """An event or a decision of the centre: whatever it names may have changed."""
        tenant = center.floor.tenant
        record = getattr(thing, "record", None)
        contact, user = getattr(thing, "contact", getattr(record, "contact", None)), getattr(thing, "user", None)
        for id in center.floor.together(contact) if contact else ():
            self.note(LiveKey(tenant, CONTACT, id))
        if user:
            self.note(LiveKey(tenant, AGENT, user))

    def note(self, key: LiveKey) -> None:
        self._noted[key] = None
        self._arm(WRITE_SECONDS)

    async def close(self) -> None:
        """Writes what is left to be written."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await self._writing
        if self._noted:
            await self._write()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, seconds: float) -> None:
        if self._timer is None and self._writing is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.get_running_loop().create_task(self._write())
        self._writing.add_done_callback(self._finish)

    def _finish(self, _: asyncio.Task[None]) -> None:
        self._writing = None
        if self._noted:
            self._arm(WRITE_SECONDS)

    async def _write(self) -> None:
        """What is written is as it is now; what changes meanwhile is noted anew."""
        noted, self._noted = list(self._noted), {}
        now = self._clock()
        states = [state for key in noted if (state := self._state(key, now)) is not None]
        going = {state.key for state in states}
        gone = [key for key in noted if key not in going and key in self._written]
        if not states and not gone:
            return
        try:
            await self._states.save_live(states, gone, now)
        except (StoreUnavailable, KmsError) as error:
            log.error("! what goes on was not kept", states=len(states), error=type(error).__name__)
            self._noted = dict.fromkeys([*going, *gone, *self._noted])
            await asyncio.sleep(RETRY_SECONDS)  # nobody tells when the store can be written again
            return
        self._written = (self._written | going) - set(gone)

    def _state(self, key: LiveKey, now: float) -> LiveState | None:
        try:
            value = self._sources[key.kind](key.tenant, key.id)
            return LiveState(key, now, Pii(encode(value))) if value is not None else None
        except Exception as error:  # one call that cannot be kept must not keep the others from it
            fault = {} if isinstance(error, StateError) else told(error)
            log.error("! not kept for a new start", kind=key.kind, id=key.id, **fault)
            return None
