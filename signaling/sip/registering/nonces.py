"""Nonces that need no memory until they are used: signed, bound to a source, good for a time (RFC 7616 §3.3, §5.4)."""

import hmac
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visit:
    """Who comes, and when: `source` is whatever a nonce is to be bound to, such as an address."""

    source: str
    now: float


class Nonces:
    """Nonces of milliseconds, serial number and signature, and how far those in use have been counted."""

    def __init__(self, key: bytes, lifetime: float, size: int) -> None:
        if len(key) < 32:
            raise ValueError("the key of nonces is shorter than 32 octets")
        self._key = key
        self._lifetime = int(lifetime * 1000)
        self._size = size
        self._serial = 0
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._forgotten = -1
        """Of the nonces made until then, in milliseconds, those without a count may have had one."""

    def make(self, visit: Visit) -> str:
        self._serial += 1
        stamp = f"{int(visit.now * 1000):x}.{self._serial:x}"
        return f"{stamp}.{self._sign(stamp, visit.source)}"

    def use(self, nonce: str, count: int, visit: Visit) -> bool:
        """Whether it is good and was not used with that count, or a higher one; it is, from now on."""
        made = self._read(nonce, visit)
        if made is None or count <= self._counts.get(nonce, 0):
            return False
        if nonce not in self._counts:
            if made <= self._forgotten:
                return False
            self._make_room(visit.now)
        self._counts[nonce] = count
        return True

    def _read(self, nonce: str, visit: Visit) -> int | None:
        """When it was made; None if it is not ours, or good no more."""
        stamp, _, signature = nonce.rpartition(".")
        good = self._sign(stamp, visit.source).encode()
        if not hmac.compare_digest(good, signature.encode("utf-8", "surrogateescape")):
            return None
        made = int(stamp.partition(".")[0], 16)
        return made if 0 <= int(visit.now * 1000) - made <= self._lifetime else None

    def _make_room(self, now: float) -> None:
        while self._counts:
            made = int(next(iter(self._counts)).partition(".")[0], 16)
            if len(self._counts) < self._size and made + self._lifetime >= int(now * 1000):
                return
            self._counts.popitem(last=False)
            self._forgotten = max(self._forgotten, made)

    def _sign(self, stamp: str, source: str) -> str:
        text = f"{stamp}\n{source}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, text, "sha256").hex()[:32]
