"""Who a phone is: challenges, their answers, and patience with those who guess (RFC 3261 §22, RFC 8760)."""

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from signaling.sip.core import Core
from signaling.sip.exchanges.stateless import Stateless
from signaling.sip.exchanges.transactions import Arrival
from signaling.sip.flow import Flow
from signaling.sip.headers.authentication import Credentials, read_credentials
from signaling.sip.registering.digest import Challenger, Secrets, Subject, Verdict
from signaling.sip.registering.nonces import Visit
from signaling.sip.registering.waiting import Waiting
from signaling.sip.replies import Answer, Fields
from signaling.sip.strangers import Buckets, source_of
from vault.pii import Pii


@dataclass(frozen=True, slots=True)
class Known:
    """An account of a realm."""

    phone: str
    """Its name among those of all realms."""
    secrets: Secrets


class Accounts(Protocol):
    """Who may register: `signaling.endpoints.phones.Phones` in the live server."""

    def realm_of(self, host: str) -> str | None:
        """The realm of a domain that a phone names; None: there is none to register in."""

    def find(self, realm: str, user: str) -> Known | None: ...


class NoAccounts:
    """Nobody may."""

    def realm_of(self, host: str) -> str | None:
        return None

    def find(self, realm: str, user: str) -> Known | None:
        return None


NO_ACCOUNTS = NoAccounts()


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody gave wrong credentials, or has done so too often and is not listened to for a while."""

    realm: str
    source: str
    user: Pii[str]
    throttled: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    phone: str
    user: str
    """The account's name in its realm."""


class _Kind(NamedTuple):
    challenge: str
    answer: str
    status: int


_WWW = _Kind("WWW-Authenticate", "Authorization", 401)
_PROXY = _Kind("Proxy-Authenticate", "Proxy-Authorization", 407)
_CHALLENGES = (_WWW.status, _PROXY.status)


def _kind(arrival: Arrival) -> _Kind:
    """A registrar asks for itself, and of a call the phone's outbound proxy does (RFC 3261 §22.2, §22.3)."""
    return _WWW if arrival.request.method == "REGISTER" else _PROXY


class Gatekeeper:
    """Existing accounts and unknown ones get the same answers after the same work, and the same patience."""

    def __init__(self, accounts: Accounts, core: Core, stateless: Stateless, tell: Callable[[Refused], None]) -> None:
        self._accounts = accounts
        self._config = config = core.config
        self._tell = tell
        self._challengers: dict[str, Challenger] = {}
        self._turns = stateless.turns
        self._waiting = Waiting(core, stateless)
        self._wrong: OrderedDict[str, str] = OrderedDict()
        """By source, the last response that was wrong: a repetition of it is no other guess."""
        size = config.max_strangers
        self._of_source = Buckets(config.guess_rate, config.guess_burst, size)
        self._of_account = Buckets(config.guess_rate, config.guess_burst, size)
        self._lines = Buckets(1.0, 30.0, 1)
        self.counts: Counter[str] = Counter()
        """Of requests of phones, by what became of them: admitted, challenged, dropped, wrong, throttled."""

    def admit(self, arrival: Arrival, realm: str, there: Collection[str], now: float) -> Admitted | Answer | None:
        """Who sends it, or what he is answered; None: nothing, since he has asked too often. `there`: the phones that
        have registered by that flow, whom nobody's guesses keep out."""
        answer_header = _kind(arrival).answer
        challenger = self._challenger(realm)
        source = source_of(arrival.flow.remote[0])
        visit = Visit(arrival.flow.remote[0], now)
        credentials = read_credentials(arrival.request.headers, answer_header, realm)
        if credentials is None or credentials.algorithm not in self._config.digests:
            return self._challenge(arrival, challenger, now)
        if self._wrong.get(source) == credentials.response:
            return self._challenge(arrival, challenger, now)
        account = f"{realm}\n{credentials.user}"
        found = self._accounts.find(realm, credentials.user)
        is_there = found is not None and found.phone in there
        if not is_there and not self._has_patience(source, account, now):
            self.counts["throttled"] += 1
            self._note(Refused(realm, source, Pii(credentials.user), throttled=True), now)
            return self._in_turn(
                arrival, Answer(503, "", (("Retry-After", str(int(1 / self._config.guess_rate))),)), now
            )
        verdict = self._verify(challenger, arrival, credentials, found, visit)
        if verdict is Verdict.WRONG:
            self._count_wrong(Refused(realm, source, Pii(credentials.user), throttled=False), credentials, now)
            return self._challenge(arrival, challenger, now)
        self._turns.prove(source, now)
        self._waiting.go_on(source, now)
        if not is_there:
            self._of_source.give_back(source)
            self._of_account.give_back(account)
        if verdict is Verdict.GRANTED and found is not None:
            self.counts["admitted"] += 1
            return Admitted(found.phone, credentials.user)
        return self._challenge(arrival, challenger, now, stale=True)

    def _verify(
        self, challenger: Challenger, arrival: Arrival, credentials: Credentials, found: Known | None, visit: Visit
    ) -> Verdict:
        subject = Subject(arrival.request.method, arrival.request.uri)
        return challenger.verify(credentials, subject, found.secrets if found is not None else None, visit)

    def _has_patience(self, source: str, account: str, now: float) -> bool:
        """Takes a try from both, which is given back if it was no guess."""
        if not self._of_source.take(source, now):
            return False
        if self._of_account.take(account, now):
            return True
        self._of_source.give_back(source)
        return False

    def _challenge(self, arrival: Arrival, challenger: Challenger, now: float, stale: bool = False) -> Answer | None:
        kind = _kind(arrival)
        offered = challenger.challenge(Visit(arrival.flow.remote[0], now), stale)
        challenges = [challenge for challenge in offered if challenge.algorithm in self._config.digests]
        fields: Fields = tuple((kind.challenge, str(challenge)) for challenge in challenges)
        return self._in_turn(arrival, Answer(kind.status, "", fields), now)

    def _in_turn(self, arrival: Arrival, answer: Answer, now: float) -> Answer | None:
        """None: not now, if ever."""
        given = answer if self._turns.answer(arrival.flow.remote[0], now) else None
        if given is None and not self._waiting.hold(arrival, answer, now):
            self.counts["dropped"] += 1
        elif answer.status in _CHALLENGES:
            self.counts["challenged"] += 1
        return given

    def flow_closed(self, flow: Flow) -> None:
        """What waits to be answered there is not answered."""
        self._waiting.flow_closed(flow)

    def _count_wrong(self, refused: Refused, credentials: Credentials, now: float) -> None:
        self.counts["wrong"] += 1
        self._note(refused, now)
        self._wrong[refused.source] = credentials.response
        self._wrong.move_to_end(refused.source)
        if len(self._wrong) > self._config.max_strangers:
            self._wrong.popitem(last=False)

    def _note(self, refused: Refused, now: float) -> None:
        """Nobody fills the audit trail with his guesses."""
        if self._lines.take("", now):
            self._tell(refused)

    def _challenger(self, realm: str) -> Challenger:
        found = self._challengers.get(realm)
        if found is None:
            key = hashlib.sha256(f"{self._config.new_id()}{self._config.new_id()}".encode()).digest()
            found = self._challengers[realm] = Challenger(realm, key)
        return found
