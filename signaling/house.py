"""The contact centres of every instance of this node: events go in here, decisions come out, and time passes."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

import structlog

from ipc.faults import told
from signaling.center import events
from signaling.center.center import Center
from signaling.center.contact import Contact
from signaling.center.decisions import Decision

log = structlog.get_logger()


class SteadyClock:
    """Unix time that never jumps: the wall clock of the start, carried on by the monotonic one."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() + self._offset


class House:
    """`perform(center, decision)` is called for each decision, in order, before `tell` returns."""

    def __init__(
        self, centers: Iterable[Center], perform: Callable[[Center, Decision], None], clock: Callable[[], float]
    ) -> None:
        self._centers = {center.floor.tenant.instance: center for center in centers}
        self._perform = perform
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._watch: Callable[[Center, object], None] = lambda center, thing: None

    def __iter__(self) -> Iterator[Center]:
        return iter(self._centers.values())

    def tell(self, center: Center, event: events.Event) -> None:
        """Carries an event through. Raises NotYours, WrongState or ValueError for a request that does not fit."""
        decisions = center.handle(event, self._clock())
        self._watch(center, event)
        try:
            self._carry_out(center, decisions)
        finally:
            self._arm()

    def watch(self, watch: Callable[[Center, object], None]) -> None:
        """Told each event that was carried through, and each decision."""
        self._watch = watch

    def of_instance(self, instance: str) -> Center | None:
        return self._centers.get(instance)

    def of_agent(self, name: str) -> tuple[Center, str] | None:
        """The centre and the id of the agent who has this name among all instances (security.user_name)."""
        instance, _, user = name.partition("/")
        center = self._centers.get(instance)
        return (center, user) if center is not None and user in center.floor.agents else None

    def of_contact(self, contact: str) -> Center | None:
        """Also of the call that a first contact began and that goes on without it."""
        known = (center for center in self._centers.values() if contact in center.floor.contacts)
        left = (center for center in self._centers.values() if center.floor.line(contact) is not None)
        return next(known, None) or next(left, None)

    def live_contacts(self) -> list[Contact]:
        """Those with a customer on the line."""
        return [
            contact
            for center in self._centers.values()
            for contact in center.floor.contacts.values()
            if contact.disconnected is None
        ]

    def send_home(self) -> None:
        """Every agent leaves: after-contact work that nobody will clear any more ends now."""
        for center in self:
            for user in [user for user, agent in center.floor.agents.items() if agent.present or agent.assignment]:
                self.tell(center, events.AgentAbsent(user))

    def wake(self) -> None:
        """Sets the timer by what the centres want now; `tell` does so itself."""
        self._arm()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        now = self._clock()
        due = [timer for center in self._centers.values() if (timer := center.get_timer(now)) is not None]
        if due:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, min(due) - now), self._pass_time)

    def _pass_time(self) -> None:
        now = self._clock()
        try:
            for center in self._centers.values():
                self._carry_out(center, center.handle_timer(now))
        finally:
            self._arm()

    def _carry_out(self, center: Center, decisions: Iterable[Decision]) -> None:
        """What the centre has decided is its state already: a fault with one decision must not undo the next."""
        for decision in decisions:
            self._watch(center, decision)
            try:
                self._perform(center, decision)
            except Exception as error:
                log.error("! decision not carried out", decision=type(decision).__name__, **told(error))
