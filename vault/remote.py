"""A key service on the network as a Kms: what it has said is remembered for a while, and while it is away new data keys
are wrapped by the local keyring, to be brought home when it is back.

A wrapped key = MAGIC, then what the service made of it; without MAGIC it is the local keyring's.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from vault.keyring import LocalKeyring
from vault.kms import KEY, DataKey, KeyUnavailable, KmsAway
from vault.pii import Pii

MAGIC = b"\x00TKW\x01"
FRESH_SECONDS = 240.0
"""A key is used for so long without asking: one that was destroyed opens nothing after five minutes."""
KEPT_SECONDS = 3600.0
"""And for so long while the service is away."""
CACHED = 4096
ANSWER_SECONDS = 2.0
"""Calls wait for no key longer than this."""
AWAY_SECONDS = 2.0
"""After it was away, the service is not asked for so long."""


class Service(Protocol):
    """Master keys that never leave their service. Methods raise KeyUnavailable, KmsAway."""

    @property
    def key_id(self) -> str:
        """The master key that wraps, as it is told in manifests."""
        ...

    async def wrap(self, plain: bytes, context: str) -> bytes: ...

    async def unwrap(self, wrapped: bytes, context: str) -> bytes: ...

    async def close(self) -> None: ...


class _Known(NamedTuple):
    plain: Pii[bytes]
    said: float


class RemoteKms:
    """`clock`: monotonic seconds."""

    def __init__(self, service: Service, ring: LocalKeyring, clock: Callable[[], float] = time.monotonic) -> None:
        self._service = service
        self._ring = ring
        self._clock = clock
        self._known: OrderedDict[tuple[bytes, str], _Known] = OrderedDict()
        self._away_until = float("-inf")

    async def close(self) -> None:
        await self._service.close()

    async def generate(self, key: str, context: str) -> DataKey:
        """Under the local keyring while the service is away. Raises KeyUnavailable."""
        plain = Pii(secrets.token_bytes(KEY))
        try:
            return await self._wrap(plain, context)
        except KmsAway:
            return self._ring.wrap(plain, context)

    async def unwrap(self, wrapped: bytes, context: str) -> Pii[bytes]:
        if not wrapped.startswith(MAGIC):
            return self._ring.unwrap(wrapped, context)
        known = self._recall(wrapped, context)
        if known is not None and self._clock() - known.said < FRESH_SECONDS:
            return known.plain
        try:
            plain = Pii(await self._ask(lambda: self._service.unwrap(wrapped[len(MAGIC) :], context)))
        except KmsAway:
            if known is None:
                raise
            return known.plain
        except KeyUnavailable:
            self._known.pop((wrapped, context), None)
            raise
        self._remember(wrapped, context, plain)
        return plain

    async def bring_home(self, wrapped: bytes, context: str) -> DataKey | None:
        """The same data key under the service, when the local keyring had to wrap it. Raises KmsError."""
        if wrapped.startswith(MAGIC):
            return None
        return await self._wrap(self._ring.unwrap(wrapped, context), context)

    async def _wrap(self, plain: Pii[bytes], context: str) -> DataKey:
        wrapped = MAGIC + await self._ask(lambda: self._service.wrap(plain.reveal(), context))
        self._remember(wrapped, context, plain)
        return DataKey(plain, wrapped, self._service.key_id)

    async def _ask(self, work: Callable[[], Awaitable[bytes]]) -> bytes:
        if self._clock() < self._away_until:
            raise KmsAway("the key service was away a moment ago")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await work()
        except (KmsAway, TimeoutError) as error:
            self._away_until = self._clock() + AWAY_SECONDS
            raise KmsAway(str(error) or "the key service does not answer in time") from None

    def _recall(self, wrapped: bytes, context: str) -> _Known | None:
        self._forget_old()
        return self._known.get((wrapped, context))

    def _remember(self, wrapped: bytes, context: str, plain: Pii[bytes]) -> None:
        self._known.pop((wrapped, context), None)
        self._known[wrapped, context] = _Known(plain, self._clock())
        if len(self._known) > CACHED:
            self._known.popitem(last=False)

    def _forget_old(self) -> None:
        """They stand in the order in which they were said."""
        while self._known and self._clock() - next(iter(self._known.values())).said > KEPT_SECONDS:
            self._known.popitem(last=False)
