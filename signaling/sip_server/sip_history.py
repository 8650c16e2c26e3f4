"""Which SIP messages belong to which contact: of calls that go on, and what is kept when they are over."""

from collections.abc import Callable, Iterable

from signaling.center.resources import Tenant
from signaling.sip.flow import Flow
from signaling.sip.tracing.redaction import ShownMessage
from signaling.sip.tracing.trace import Trace

UNCLAIMED_SECONDS = 40.0
"""A message that is of no call by then is of none at all: the INVITE was refused at once. It is longer than the 32 s
that a transaction lives (RFC 3261 §17)."""

MAX_UNCLAIMED = 1000

Owner = tuple[Tenant, str]
"""Of a call: an instance and its contact."""


class SipHistory:
    """`call_id_of` a call: None when it is over; `owner_of` a call: None when it is no contact's, or not yet.
    `keep(tenant, contact, messages)` gets what a contact leaves behind."""

    def __init__(
        self,
        clock: Callable[[], float],
        call_id_of: Callable[[str], str | None],
        owner_of: Callable[[str], Owner | None],
        keep: Callable[[Tenant, str, list[ShownMessage]], None],
    ) -> None:
        self._clock = clock
        self._call_id_of = call_id_of
        self._owner_of = owner_of
        self._keep = keep
        self._trace = Trace()
        self._call_ids: dict[str, str] = {}
        self._known: set[str] = set()
        """Those of them."""
        self._unclaimed: dict[str, float] = {}
        """Call-IDs of no call that is known, with the times of their first messages, the oldest first."""
        self._owners: dict[str, Owner] = {}
        """By Call-ID."""
        self._parts: dict[Owner, list[str]] = {}
        """The Call-IDs of a contact, in their order."""
        self._live: dict[Owner, set[str]] = {}
        """Those of them that go on."""
        self.follow: Callable[[str, ShownMessage], None] | None = None
        """Told the contact, which may be empty, and each message as it passes."""

    @property
    def calls(self) -> int:
        """Those of which messages are here."""
        return len(self._trace)

    def on_message(self, data: bytes, flow: Flow, sent: bool) -> None:
        now = self._clock()
        call_id = self._trace.note(data, flow, sent, now)
        if call_id is not None and call_id not in self._known and call_id not in self._owners:
            self._unclaimed.setdefault(call_id, now)
            self._give_up_unclaimed(now)
        if call_id is None or self.follow is None:
            return
        message, owner = self._trace.latest(call_id), self._owners.get(call_id)
        if message is not None:
            self.follow(owner[1] if owner is not None else "", message)

    def on_calls_changed(self, calls: Iterable[str]) -> None:
        for call in calls:
            call_id = self._call_id_of(call)
            if call_id is None:
                self._end(self._call_ids.pop(call, ""))
                continue
            self._call_ids[call] = call_id
            self._known.add(call_id)
            self._unclaimed.pop(call_id, None)
            owner = self._owner_of(call)
            if owner is not None and call_id not in self._owners:
                self._owners[call_id] = owner
                self._trace.follow(call_id)
                self._parts.setdefault(owner, []).append(call_id)
                self._live.setdefault(owner, set()).add(call_id)

    def of(self, tenant: Tenant, contact: str) -> list[ShownMessage]:
        """Of a contact with a call that goes on."""
        found = [message for call_id in self._parts.get((tenant, contact), ()) for message in self._trace.of(call_id)]
        return sorted(found, key=lambda message: message.at)

    def contacts(self) -> list[Owner]:
        """Those with a call that goes on, in the order of their beginning."""
        return list(self._live)

    def close(self) -> None:
        """What is there is kept now."""
        for owner in list(self._live):
            self._give(owner)

    def _give_up_unclaimed(self, now: float) -> None:
        """Else what floods us would push out the messages of calls that go on."""
        while self._unclaimed:
            call_id, since = next(iter(self._unclaimed.items()))
            if since > now - UNCLAIMED_SECONDS and len(self._unclaimed) <= MAX_UNCLAIMED:
                return
            del self._unclaimed[call_id]
            self._trace.drop(call_id)

    def _end(self, call_id: str) -> None:
        self._known.discard(call_id)
        owner = self._owners.get(call_id)
        if owner is None:
            self._trace.drop(call_id)
            return
        live = self._live.get(owner, set())
        live.discard(call_id)
        if not live:
            self._give(owner)

    def _give(self, owner: Owner) -> None:
        messages = self.of(*owner)
        self._live.pop(owner, None)
        for call_id in self._parts.pop(owner, ()):
            self._trace.drop(call_id)
            self._owners.pop(call_id, None)
        if messages:
            self._keep(*owner, messages)
