"""Our side of digest: a request that a trunk has challenged goes again, with the trunk's credentials (RFC 3261 §22.2,
§22.3; RFC 7616 §3.4; RFC 8760 §2.4)."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from signaling.sip.exchanges.transactions import ClientTransaction, Reply
from signaling.sip.flow import Flow
from signaling.sip.headers import CSeq, Via
from signaling.sip.headers.authentication import MAX_COUNT, Challenge, Usage, read_challenges
from signaling.sip.messages.message import Headers, Request, Response
from signaling.sip.registering.digest import Account, Subject, answer, choose

AccountFor = Callable[[str, Flow, str], Account | None]
"""The credentials for a trunk (empty: not known), the flow by which it was asked and the realm that asks; None unless
flow and realm are the trunk's own."""
MAX_NONCES = 1000
AUTHORIZATIONS = ("Authorization", "Proxy-Authorization")

_KINDS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


def no_account(trunk: str, flow: Flow, realm: str) -> None:
    """Of one who has no credentials."""


class Wallet:
    """Whose credentials there are, and how often each nonce was used."""

    def __init__(self, account_for: AccountFor, new_id: Callable[[], str]) -> None:
        self.account_for = account_for
        self.new_id = new_id
        self.answered = self.unanswered = 0
        """Challenges, since the start."""
        self._counts: OrderedDict[str, int] = OrderedDict()

    def use(self, nonce: str) -> Usage:
        """The next use of it."""
        count = self._counts.pop(nonce, 0) + 1
        self._counts[nonce] = min(count, MAX_COUNT - 1)
        if len(self._counts) > MAX_NONCES:
            self._counts.popitem(last=False)
        return Usage(count, self.new_id())


@dataclass(frozen=True, slots=True)
class _Answer:
    challenge: Challenge
    account: Account


class Renewal:
    """What becomes of one request that is challenged. A challenge that comes again after its answer is the end, except
    once for each realm that says that the nonce was stale."""

    def __init__(self, wallet: Wallet, trunk: str, count: Callable[[Request], int]) -> None:
        """`count`: gives the next number for the same request."""
        self._wallet = wallet
        self._trunk = trunk
        self._count = count
        self._answers: dict[tuple[str, str], _Answer] = {}
        """By header and realm."""
        self._stale: set[tuple[str, str]] = set()

    def renew(self, transaction: ClientTransaction, reply: Reply) -> Request | None:
        """The request as it goes again; None: the answer stands."""
        if reply.response.status not in _KINDS:
            return None
        # Over UDP anybody may answer; a connection is as good as the one to whom we opened it.
        flow = transaction.flow if transaction.flow.is_reliable else reply.flow
        found = self._find_answers(reply.response, flow)
        if not found or not all(self._is_new(key, answer.challenge) for key, answer in found.items()):
            self._wallet.unanswered += 1
            return None
        self._stale |= found.keys() & self._answers.keys()
        self._answers |= found
        self._wallet.answered += 1
        return self._rewrite(transaction.request)

    def _find_answers(self, response: Response, flow: Flow) -> dict[tuple[str, str], _Answer]:
        asking, answering = _KINDS[response.status]
        challenges = read_challenges(response.headers, asking)
        found = {}
        for realm in dict.fromkeys(challenge.realm for challenge in challenges):
            challenge = choose(challenges, realm)
            account = self._wallet.account_for(self._trunk, flow, realm)
            if challenge is not None and account is not None:
                found[answering, realm] = _Answer(challenge, account)
        return found

    def _is_new(self, key: tuple[str, str], challenge: Challenge) -> bool:
        before = self._answers.get(key)
        if before is None:
            return True
        return challenge.stale and challenge.nonce != before.challenge.nonce and key not in self._stale

    def _rewrite(self, request: Request) -> Request:
        """§22.2: a new transaction with the next CSeq. Every answer is computed anew, since it counts its nonce."""
        subject = Subject(request.method, request.uri)
        fields = [self._rewrite_field(request, *field) for field in request.headers if field[0] not in AUTHORIZATIONS]
        for (name, _), found in self._answers.items():
            usage = self._wallet.use(found.challenge.nonce)
            fields.append((name, str(answer(found.challenge, found.account, subject, usage))))
        return Request(request.method, request.uri, Headers(fields), request.body)

    def _rewrite_field(self, request: Request, name: str, value: str) -> tuple[str, str]:
        if name == "Via":
            return name, str(Via.parse(value).renew(self._wallet.new_id()))
        if name == "CSeq":
            return name, str(CSeq(self._count(request), request.method))
        return name, value


def next_number(request: Request) -> int:
    """Of a request outside any dialog."""
    return CSeq.parse(request.headers.get("CSeq") or "").number + 1


def credentials_of(request: Request) -> tuple[tuple[str, str], ...]:
    """That the ACK of its 2xx repeats (§22.1)."""
    return tuple(field for field in request.headers if field[0] in AUTHORIZATIONS)
