"""A key service on the network as a Kms: what it has said is remembered for a while, and while it is away new data keys
are wrapped by the local keyring, to be brought home when it is back.

A wrapped key = MAGIC, length of the master key's name in the service (1 byte), the name, then what the service made of
it. FIRST_MAGIC: the same without a name, which is the node's. Without either it is the local keyring's.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, TypeVar

from vault.keyring import LocalKeyring
from vault.kms import KEY, DataKey, KeyUnavailable, KeyVersion, KmsAway, Rewrapped
from vault.pii import Pii

FIRST_MAGIC = b"\x00TKW\x01"
MAGIC = b"\x00TKW\x02"
FRESH_SECONDS = 240.0
"""A key is used for so long without asking: one that was destroyed opens nothing after five minutes."""
KEPT_SECONDS = 3600.0
"""And for so long while the service is away."""
CACHED = 4096
ANSWER_SECONDS = 2.0
"""Calls wait for no key longer than this."""
AWAY_SECONDS = 2.0
"""After it was away, the service is not asked for so long."""
Answer = TypeVar("Answer")


class Service(Protocol):
    """Master keys that never leave their service, by the names they have there. Methods raise KeyUnavailable,
    KmsAway."""

    def key_id(self, key: str) -> str:
        """The master key, as it is told in manifests."""
        ...

    async def wrap(self, key: str, plain: bytes, context: str) -> bytes: ...

    async def unwrap(self, key: str, wrapped: bytes, context: str) -> bytes: ...

    async def rewrap(self, key: str, wrapped: bytes, context: str) -> bytes | None:
        """Under the key's newest version; None when it is known to be already."""
        ...

    async def versions(self, key: str) -> list[KeyVersion]: ...

    async def rotate(self, key: str) -> None: ...

    async def destroy(self, key: str) -> None: ...

    async def close(self) -> None: ...


class _Theirs(NamedTuple):
    key: str
    wrapped: bytes


class _Known(NamedTuple):
    plain: Pii[bytes]
    said: float


class RemoteKms:
    """`chosen` says which of the service's keys is for a name; that of "" is the node's. `clock`: monotonic seconds."""

    def __init__(
        self,
        service: Service,
        ring: LocalKeyring,
        chosen: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._ring = ring
        self._chosen = chosen
        self._clock = clock
        self._known: OrderedDict[tuple[bytes, str], _Known] = OrderedDict()
        self._away_until = float("-inf")

    async def close(self) -> None:
        await self._service.close()

    async def generate(self, key: str, context: str) -> DataKey:
        """Under the local keyring while the service is away. Raises KeyUnavailable."""
        plain = Pii(secrets.token_bytes(KEY))
        try:
            return await self._wrap(self._chosen(key), plain, context)
        except KmsAway:
            return self._ring.wrap(key, plain, context)

    async def unwrap(self, wrapped: bytes, context: str) -> Pii[bytes]:
        theirs = self._parse(wrapped)
        if theirs is None:
            return self._ring.unwrap(wrapped, context)
        known = self._recall(wrapped, context)
        if known is not None and self._clock() - known.said < FRESH_SECONDS:
            return known.plain
        try:
            plain = Pii(await self._ask(lambda: self._service.unwrap(*theirs, context)))
        except KmsAway:
            if known is None:
                raise
            return known.plain
        except KeyUnavailable:
            self._known.pop((wrapped, context), None)
            raise
        self._remember(wrapped, context, plain)
        return plain

    async def rewrap(self, key: str, wrapped: bytes, context: str) -> Rewrapped | None:
        theirs, chosen = self._parse(wrapped), self._chosen(key)
        if theirs is None or theirs.key != chosen:
            made = await self._wrap(chosen, await self.unwrap(wrapped, context), context)
            return Rewrapped(made.wrapped, made.key_id)
        renewed = await self._ask(lambda: self._service.rewrap(*theirs, context))
        if renewed is not None:
            return Rewrapped(_joined(chosen, renewed), self._service.key_id(chosen))
        if wrapped.startswith(MAGIC):
            return None
        return Rewrapped(_joined(chosen, theirs.wrapped), self._service.key_id(chosen))

    async def bring_home(self, key: str, wrapped: bytes, context: str) -> DataKey | None:
        """The same data key under the service, when the local keyring had to wrap it. Raises KmsError."""
        if self._parse(wrapped) is not None:
            return None
        return await self._wrap(self._chosen(key), self._ring.unwrap(wrapped, context), context)

    # For who looks after the master keys.

    async def versions(self, names: list[str]) -> list[KeyVersion]:
        """Of the service's keys, and of those that the local keyring has for the time when the service is away."""
        chosen = dict.fromkeys(self._chosen(name) for name in ("", *names))
        found: list[KeyVersion] = []
        for key in chosen:
            found += await self._versions(key)
        return [*found, *self._ring.versions()]

    async def rotate(self, name: str) -> KeyVersion:
        chosen = self._chosen(name)
        await self._ask(lambda: self._service.rotate(chosen))
        return (await self._versions(chosen))[-1]

    async def destroy(self, name: str, reason: str, version: int | None = None) -> list[KeyVersion]:
        chosen = self._chosen(name)
        if version is not None:
            raise KeyUnavailable("single versions are destroyed with the key service's own tools")
        if name and chosen == self._chosen(""):
            raise KeyUnavailable(f"the key {chosen} is the whole node's, not this instance's: see keys.instances")
        gone = await self._versions(chosen)
        await self._ask(lambda: self._service.destroy(chosen))
        self._known.clear()
        return gone

    async def _versions(self, chosen: str) -> list[KeyVersion]:
        return await self._ask(lambda: self._service.versions(chosen))

    def _parse(self, wrapped: bytes) -> "_Theirs | None":
        """None: it is the local keyring's."""
        if wrapped.startswith(FIRST_MAGIC):
            return _Theirs(self._chosen(""), wrapped[len(FIRST_MAGIC) :])
        if not wrapped.startswith(MAGIC):
            return None
        start = len(MAGIC) + 1
        end = start + (wrapped[len(MAGIC)] if len(wrapped) >= start else 0)
        return _Theirs(wrapped[start:end].decode("utf-8", "replace"), wrapped[end:])

    async def _wrap(self, chosen: str, plain: Pii[bytes], context: str) -> DataKey:
        made = await self._ask(lambda: self._service.wrap(chosen, plain.reveal(), context))
        wrapped = _joined(chosen, made)
        self._remember(wrapped, context, plain)
        return DataKey(plain, wrapped, self._service.key_id(chosen))

    async def _ask(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
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


def _joined(key: str, wrapped: bytes) -> bytes:
    name = key.encode()
    return MAGIC + bytes((len(name),)) + name + wrapped
