"""Digest authentication, both sides (RFC 7616, RFC 3261 §22, RFC 8760): no secret crosses the wire.

As a client, answer the strongest challenge of a realm whose password is known:

    challenge = choose(read_challenges(response.headers, "WWW-Authenticate"), "carrier.example")
    subject = Subject("REGISTER", "sip:carrier.example")
    credentials = answer(challenge, Account("ada", password), subject, Usage(1, cnonce))

As a server, see `Challenger`.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from signaling.sip.headers.authentication import MAX_COUNT, Challenge, Credentials, Usage
from signaling.sip.registering.nonces import Nonces, Visit

ALGORITHMS = ("SHA-256", "MD5")
"""The strongest first (RFC 8760 §2.3)."""
_hashes = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}

Secrets = Mapping[str, str]
"""H(A1) by algorithm, as `make_secrets` has it: enough to verify, and worth no more than in its realm."""


@dataclass(frozen=True, slots=True)
class Account:
    user: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """What credentials are good for: one method at one Request-URI."""

    method: str
    uri: str = field(repr=False)


def make_secrets(account: Account, realm: str) -> dict[str, str]:
    """What a server keeps in place of the password."""
    return {name: _digest(name, account.user, realm, account.password) for name in ALGORITHMS}


def choose(challenges: Iterable[Challenge], realm: str) -> Challenge | None:
    """The strongest one of that realm that we can answer."""
    answerable = [
        challenge
        for challenge in challenges
        if challenge.realm == realm
        and challenge.algorithm in ALGORITHMS
        and (not challenge.qop or "auth" in challenge.qop)
    ]
    return min(answerable, key=lambda challenge: ALGORITHMS.index(challenge.algorithm), default=None)


def answer(challenge: Challenge, account: Account, subject: Subject, usage: Usage) -> Credentials:
    """Credentials for a challenge that `choose` gave. The usage is left out if the challenge is a legacy one."""
    credentials = Credentials(
        account.user, challenge.realm, challenge.nonce, subject.uri, "", challenge.algorithm,
        usage if challenge.qop else None, challenge.opaque,
    )  # fmt: skip
    secret = _digest(challenge.algorithm, account.user, challenge.realm, account.password)
    return replace(credentials, response=compute_response(credentials, subject.method, secret))


def compute_response(credentials: Credentials, method: str, secret: str) -> str:
    """The digest that these credentials must have. The algorithm is one of ALGORITHMS."""
    subject = _digest(credentials.algorithm, method, credentials.uri)
    usage = credentials.usage
    counted = (f"{usage.count:08x}", usage.cnonce, usage.qop) if usage is not None else ()
    return _digest(credentials.algorithm, secret, credentials.nonce, *counted, subject)


class Verdict(Enum):
    GRANTED = auto()
    WRONG = auto()
    """Unknown account, wrong password, credentials for another request: a new challenge, and a guess to be counted."""
    STALE = auto()
    """Right, but its nonce is too old, used up, or another source's: a challenge with `stale`, and no guess."""


class Challenger:
    """The server of one realm:

        credentials = read_credentials(request.headers, "Authorization", challenger.realm)
        if credentials is None: 401, with a WWW-Authenticate for each of challenger.challenge(Visit(source, now))
        verdict = challenger.verify(credentials, Subject(request.method, request.uri), secrets, Visit(source, now))

    A challenge costs no memory: its nonce is signed, and names when and for whom it was made. Of nonces that were used
    with success, the last count is kept, of `size` at most; when there are more, the oldest are used up.
    """

    def __init__(self, realm: str, key: bytes, lifetime: float = 300.0, size: int = 20_000) -> None:
        """`key`: at least 32 random octets. `lifetime`: seconds that a nonce is good for."""
        self.realm = realm
        self._nonces = Nonces(key, lifetime, size)
        self._decoy = {name: _digest(name, hmac.digest(key, b"decoy", "sha256").hex()) for name in ALGORITHMS}

    def challenge(self, visit: Visit, stale: bool = False) -> tuple[Challenge, ...]:
        """One for each algorithm, the strongest first, all with one new nonce that is good for that source alone."""
        nonce = self._nonces.make(visit)
        return tuple(Challenge(self.realm, nonce, name, ("auth",), None, stale) for name in ALGORITHMS)

    def verify(self, credentials: Credentials, subject: Subject, secrets: Secrets | None, visit: Visit) -> Verdict:
        """`secrets`: of the account that the credentials name, or None if there is no such: it takes as long."""
        expected = (self._decoy if secrets is None else secrets).get(credentials.algorithm)
        if expected is None or credentials.realm != self.realm or credentials.uri != subject.uri:
            return Verdict.WRONG
        if credentials.usage is not None and credentials.usage.qop != "auth":
            return Verdict.WRONG
        right = compute_response(credentials, subject.method, expected)
        if not hmac.compare_digest(right, credentials.response) or secrets is None:
            return Verdict.WRONG
        count = credentials.usage.count if credentials.usage is not None else MAX_COUNT
        return Verdict.GRANTED if self._nonces.use(credentials.nonce, count, visit) else Verdict.STALE


def _digest(algorithm: str, *parts: str) -> str:
    return _hashes[algorithm](":".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
