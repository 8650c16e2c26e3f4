"""Sign-in tokens of softphones: one user, one use, one minute.

The table knows tokens by their SHA-256 alone. Looking a guess up therefore compares digests, which a guesser cannot
steer byte by byte, so the time of the answer tells nothing; and what leaks from memory is no token.
"""

import secrets
from collections.abc import Callable
from hashlib import sha256

import msgspec

from vault.pii import Pii

LIFETIME = 60.0
"""Seconds."""
CAPACITY = 10_000
PER_USER = 8


class _Issued(msgspec.Struct, frozen=True):
    user: str
    expires: float


class Tokens:
    """All tokens that could still be redeemed, in the order of their issue. A full table forgets the oldest."""

    def __init__(self, capacity: int = CAPACITY, draw: Callable[[], str] | None = None) -> None:
        self._capacity = capacity
        self._draw = draw or (lambda: secrets.token_urlsafe(32))
        self._issued: dict[bytes, _Issued] = {}

    def __len__(self) -> int:
        return len(self._issued)

    def issue(self, user: str, now: float) -> Pii[str]:
        """A new token. The user's older ones stay good, up to eight, so that one user cannot push out the others."""
        self._expire(now)
        own = [digest for digest, issued in self._issued.items() if issued.user == user]
        if len(own) >= PER_USER:
            del self._issued[own[0]]
        elif len(self._issued) >= self._capacity:
            del self._issued[next(iter(self._issued))]
        token = self._draw()
        self._issued[_digest(token)] = _Issued(user, now + LIFETIME)
        return Pii(token)

    def redeem(self, token: str, now: float) -> str | None:
        """The user's id, once; None for a token that was never issued, was used or is too old."""
        issued = self._issued.pop(_digest(token), None)
        return issued.user if issued is not None and now < issued.expires else None

    def _expire(self, now: float) -> None:
        # Insertion order is expiry order, because all live equally long.
        while self._issued:
            oldest = next(iter(self._issued))
            if self._issued[oldest].expires > now:
                return
            del self._issued[oldest]


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
