"""The registrar (RFC 3261 §10.3, RFC 5626 §6): phones that have shown who they are may be called on the way they came.

registrar.receive(arrival, now)          # a REGISTER: it is answered, or dropped
registrar.admit(arrival, now)            # another request of a phone: its name, or it was answered
while (news := registrar.next_news()): … # Changed: see `bindings`; Refused: for the audit trail
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from signaling.sip.core import Core
from signaling.sip.errors import ParseError
from signaling.sip.exchanges.stateless import Stateless
from signaling.sip.exchanges.transactions import Arrival, ServerTransaction
from signaling.sip.flow import Flow
from signaling.sip.headers import NameAddr
from signaling.sip.messages.grammar import Params, quote
from signaling.sip.messages.message import Request
from signaling.sip.registering.bindings import Binding, Bindings, plain
from signaling.sip.registering.gatekeeper import Accounts, Admitted, Gatekeeper, Refused
from signaling.sip.registering.registration import Registration, Wish, read_registration
from signaling.sip.replies import EXTENSIONS, Answer

SERVED = ("outbound", *EXTENSIONS)
"""Option tags that a REGISTER may require."""
OUT_OF_ORDER = Answer(400, "CSeq Out Of Order")


@dataclass(frozen=True, slots=True)
class Changed:
    """What is known of a phone is not what it was."""

    phone: str
    source: str
    """The address by which a new flow came; empty: there is none, an old one was refreshed or is gone."""


News = Changed | Refused


class Registrar:
    def __init__(self, core: Core, accounts: Accounts, stateless: Stateless) -> None:
        self._core = core
        self._accounts = accounts
        self._stateless = stateless
        self._news: deque[News] = deque()
        self._gatekeeper = Gatekeeper(accounts, core, stateless, self._news.append)
        self.bindings = Bindings()

    def next_news(self) -> News | None:
        return self._news.popleft() if self._news else None

    @property
    def counts(self) -> Mapping[str, int]:
        """Of requests of phones, by what became of them."""
        return self._gatekeeper.counts

    def serves(self, arrival: Arrival) -> bool:
        """Whether it is a REGISTER for one of our realms."""
        return arrival.request.method == "REGISTER" and self._realm(arrival) is not None

    def receive(self, arrival: Arrival, now: float) -> bool:
        """Answers a REGISTER that is served, or drops it; whether it came from a phone that has shown who it is."""
        admitted = self._admit(arrival, now)
        if admitted is None:
            return False
        transaction = self._core.transactions.accept(arrival, self, now)
        self._core.respond(transaction, self._register(arrival, admitted, now), now, self.local_tag)
        return True

    def admit(self, arrival: Arrival, now: float) -> str | None:
        """The phone that sends a request of another kind; None: it was answered, or dropped."""
        admitted = self._admit(arrival, now)
        return admitted.phone if admitted is not None else None

    def flow_closed(self, flow: Flow) -> None:
        """RFC 5626 §4.2.1: what was registered by a connection goes with it."""
        self._gatekeeper.flow_closed(flow)
        for phone in self.bindings.at(flow):
            gone = plain(flow)
            self._set(phone, tuple(binding for binding in self.bindings.of(phone) if plain(binding.flow) != gone))

    def restore(self, phone: str, bindings: Iterable[Binding], now: float) -> None:
        """Those of an earlier process."""
        self.bindings.set(phone, tuple(bindings))
        for binding in self.bindings.of(phone):
            self._stateless.turns.prove(binding.flow.remote[0], now)
        self._set_timer(phone)

    def handle_timer(self, phone: str, now: float) -> None:
        """A registration has run out."""
        self._set(phone, tuple(binding for binding in self.bindings.of(phone) if binding.expires > now))

    # signaling.sip.exchanges.transactions.ServerUser

    @property
    def local_tag(self) -> str:
        return self._core.config.new_id()

    def handle_cancel(self, transaction: ServerTransaction, cancel: Request, now: float) -> None:
        """A REGISTER cannot be cancelled (§9.1)."""

    def _realm(self, arrival: Arrival) -> str | None:
        return self._accounts.realm_of(arrival.envelope.receiver.uri.host)

    def _admit(self, arrival: Arrival, now: float) -> Admitted | None:
        """Who it is; None: it was answered, or dropped."""
        by_whom = arrival.envelope.receiver if arrival.request.method == "REGISTER" else arrival.envelope.sender
        realm = self._accounts.realm_of(by_whom.uri.host)
        if realm is None:
            self._stateless.refuse_stranger(arrival, now)
            return None
        found = self._gatekeeper.admit(arrival, realm, self.bindings.at(arrival.flow), now)
        if isinstance(found, Admitted):
            return found
        if found is not None:
            self._stateless.refuse(arrival, found)
        return None

    def _register(self, arrival: Arrival, admitted: Admitted, now: float) -> Answer:
        request = arrival.request
        unknown = [tag for tag in request.headers.items("Require") if tag.lower() not in SERVED]
        if unknown:
            return Answer(420, "", tuple(("Unsupported", tag) for tag in unknown))
        if arrival.envelope.receiver.uri.name != admitted.user:
            return Answer(403)  # nobody registers in the place of another
        try:
            wanted = read_registration(request)
        except ParseError as error:
            return Answer(error.status, error.phrase)
        refusal = self._refuse(arrival, wanted)
        if refusal is not None:
            return refusal
        return self._change(arrival, admitted.phone, wanted, now)

    def _refuse(self, arrival: Arrival, wanted: Registration) -> Answer | None:
        least = self._core.config.min_expires
        if any(0 < wish.seconds < least for wish in wanted.wishes):
            return Answer(423, "", (("Min-Expires", str(least)),))
        if any(wish.reg_id for wish in wanted.wishes) and len(arrival.request.headers.items("Via")) > 1:
            return Answer(439)  # RFC 5626 §6: somebody between us does not keep the flow
        return None

    def _change(self, arrival: Arrival, phone: str, wanted: Registration, now: float) -> Answer:
        """All of it or nothing (§10.3)."""
        call_id, number = arrival.envelope.call_id, arrival.envelope.cseq.number
        before = {binding.key: binding for binding in self.bindings.of(phone) if binding.expires > now}
        wishes = {binding.key: binding for binding in (self._bind(wish, arrival, now) for wish in wanted.wishes)}
        touched = before if wanted.everything else before.keys() & wishes.keys()
        if any(before[key].call_id == call_id and before[key].number >= number for key in touched):
            return OUT_OF_ORDER
        after = {} if wanted.everything else before
        news = ""
        for key, binding in wishes.items():
            old = before.get(key)
            after = {name: other for name, other in after.items() if name != key}
            if binding.expires > now:
                fresh = old is None or old.flow != binding.flow
                news = arrival.flow.remote[0] if fresh else news
                after[key] = binding if old is None or fresh else replace(binding, since=old.since)
        newest = sorted(after.values(), key=lambda binding: binding.since, reverse=True)
        kept = tuple(newest[: self._core.config.max_bindings])
        if wanted.wishes or wanted.everything:
            self._set(phone, kept, news)
        return _answer(kept, wanted, now)

    def _bind(self, wish: Wish, arrival: Arrival, now: float) -> Binding:
        seconds = min(wish.seconds, self._core.config.max_expires)
        envelope = arrival.envelope
        return Binding(
            wish.contact, arrival.flow, envelope.call_id, envelope.cseq.number, now + seconds, wish.instance,
            wish.reg_id, now,
        )  # fmt: skip

    def _set(self, phone: str, bindings: tuple[Binding, ...], source: str = "") -> None:
        self.bindings.set(phone, bindings)
        self._set_timer(phone)
        self._news.append(Changed(phone, source))

    def _set_timer(self, phone: str) -> None:
        bindings = self.bindings.of(phone)
        if bindings:
            self._core.deadlines.set(self, phone, min(binding.expires for binding in bindings))
        else:
            self._core.deadlines.cancel(self, phone)


def _answer(bindings: tuple[Binding, ...], wanted: Registration, now: float) -> Answer:
    fields = [("Contact", _contact(binding, now)) for binding in bindings]
    if any(wish.reg_id and wish.seconds for wish in wanted.wishes):
        fields.append(("Require", "outbound"))
    return Answer(200, "", (*fields, ("Supported", "outbound")))


def _contact(binding: Binding, now: float) -> str:
    pairs: list[tuple[str, str | None]] = [("expires", str(max(0, round(binding.expires - now))))]
    if binding.instance:
        pairs.append(("+sip.instance", quote(binding.instance)))
    if binding.reg_id:
        pairs.append(("reg-id", str(binding.reg_id)))
    return str(NameAddr(binding.contact, "", Params(tuple(pairs))))
