"""The embedded KMS: master keys in one file that only our user may read, a name with its versions for each instance.

Every process of a node has its own LocalKeyring. It looks at the file before each use: a version that was made or
destroyed by another process is known, or gone, at once.
"""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault import keyfile
from vault.keyfile import Kept, Ring
from vault.kms import KEY, DataKey, KeyDestroyed, KeyUnavailable, KeyVersion, KmsAway, Rewrapped
from vault.pii import Pii
from vault.protection import Kind, Opener, Secrets, new_protection

NONCE = 12
ID = 8
GRACE_SECONDS = 240.0
"""While the file cannot be read, what was read from it is used for so long."""


class LocalKeyring:
    """Wrapped key = 8 bytes of key id, 12 of nonce, then the data key under AES-256-GCM with the context as AAD.

    `open` makes one. Methods raise KeyUnavailable, and KmsAway while the file cannot be read."""

    def __init__(self, path: Path, secrets_: Secrets) -> None:
        self._path = path
        self._secrets = secrets_
        self._opener: Opener | None = None
        self._ring = Ring()
        self._masters: dict[bytes, Pii[bytes]] = {}
        self._newest: dict[str, Kept] = {}
        self._seen: tuple[int, int, int] | None = None
        self._read_at = 0.0

    @classmethod
    def open(cls, path: Path, secrets_: Secrets | None = None) -> "LocalKeyring":
        """Reads the file, or makes one. Raises KeyUnavailable when it cannot be read or opened, or others may read
        it."""
        made = cls(path, secrets_ or Secrets())
        try:
            if not path.exists():
                _create(path)
            made._read()
        except OSError as error:
            raise KeyUnavailable(f"{path} cannot be used: {error.strerror or type(error).__name__}") from None
        return made

    def generate(self, name: str, context: str) -> DataKey:
        """A fresh data key under the newest version of the name; a name that is new gets its first."""
        return self.wrap(name, Pii(secrets.token_bytes(KEY)), context)

    def wrap(self, name: str, plain: Pii[bytes], context: str) -> DataKey:
        self._look()
        if name not in self._newest:
            self._change(lambda: self._with_version(name, only_if_none=True))
        kept = self._newest[name]
        id, nonce = bytes.fromhex(kept.id), secrets.token_bytes(NONCE)
        sealed = AESGCM(self._masters[id].reveal()).encrypt(nonce, plain.reveal(), context.encode())
        return DataKey(plain, id + nonce + sealed, kept.id)

    def unwrap(self, wrapped: bytes, context: str) -> Pii[bytes]:
        self._look()
        id = wrapped[:ID]
        if id not in self._masters:
            if any(kept.id == id.hex() for kept in self._ring.keys):
                raise KeyDestroyed(f"the master key {id.hex()} was destroyed")
            raise KeyUnavailable(f"no master key {id.hex()}")
        try:
            nonce, sealed = wrapped[ID : ID + NONCE], wrapped[ID + NONCE :]
            return Pii(AESGCM(self._masters[id].reveal()).decrypt(nonce, sealed, context.encode()))
        except (InvalidTag, ValueError):
            raise KeyUnavailable("the key was wrapped for another context, or is damaged") from None

    def rewrap(self, name: str, wrapped: bytes, context: str) -> Rewrapped | None:
        """Under the newest version; None when it is already."""
        self._look()
        newest = self._newest.get(name)
        if newest is not None and wrapped[:ID].hex() == newest.id:
            return None
        made = self.wrap(name, self.unwrap(wrapped, context), context)
        return Rewrapped(made.wrapped, made.key_id)

    # For who looks after the keys.

    def versions(self) -> list[KeyVersion]:
        """Of every name, in the order of the names, the oldest first."""
        self._look()
        newest = {kept.id for kept in self._newest.values()}
        return [
            KeyVersion(kept.name, kept.version, kept.id, kept.created, kept.id in newest, kept.destroyed, kept.reason)
            for kept in sorted(self._ring.keys, key=lambda kept: (kept.name, kept.version))
        ]

    def rotate(self, name: str) -> KeyVersion:
        """A new version for all that is wrapped from now on; the earlier ones go on opening."""
        self._change(lambda: self._with_version(name))
        return next(version for version in self.versions() if version.id == self._newest[name].id)

    def destroy(self, name: str, reason: str, version: int | None = None) -> list[KeyVersion]:
        """Removes a version, or all of a name, for good. Raises KeyUnavailable when there is none."""
        gone = {
            kept.id for kept in self.versions()
            if kept.name == name and not kept.destroyed and version in (None, kept.version)
        }  # fmt: skip
        if not gone:
            raise KeyUnavailable("there is no such version of the master key, or it was destroyed before")
        self._change(lambda: _without(self._ring, gone, reason))
        return [kept for kept in self.versions() if kept.id in gone]

    def protect(self, kind: Kind, secrets_: Secrets) -> None:
        """Shuts every key anew. Whoever has the file open from before opens it with the new secrets only."""
        opener = Opener(new_protection(kind), secrets_)

        def shut() -> Ring:
            keys = [
                msgspec.structs.replace(kept, key=opener.shut(self._masters[bytes.fromhex(kept.id)], kept.label))
                if kept.key
                else kept
                for kept in self._ring.keys
            ]
            return Ring(protection=opener.protection, keys=tuple(keys))

        self._change(shut, lambda: self._adopt(opener, secrets_))

    def _adopt(self, opener: Opener, secrets_: Secrets) -> None:
        self._opener, self._secrets = opener, secrets_

    def _look(self) -> None:
        """Reads the file again when it is another one than before."""
        try:
            if self._seen != _signature(self._path):
                self._read()
            self._read_at = time.monotonic()
        except (OSError, KeyUnavailable) as error:
            if time.monotonic() - self._read_at > GRACE_SECONDS:
                reason = str(error) if isinstance(error, KeyUnavailable) else f"{self._path}: {error.strerror}"
                raise KmsAway(f"the keyring cannot be read: {reason}") from None

    def _read(self) -> None:
        """Raises KeyUnavailable, OSError."""
        seen = _signature(self._path)
        ring = keyfile.read(self._path)
        if self._opener is None or self._opener.protection != ring.protection:
            self._opener = Opener(ring.protection, self._secrets)
        opener = self._opener
        masters = {bytes.fromhex(kept.id): opener.open(kept.key, kept.label) for kept in ring.keys if kept.key}
        if any(len(master.reveal()) != KEY for master in masters.values()):
            raise KeyUnavailable(f"{self._path} is not a keyring: a key has another length")
        alive = sorted((kept for kept in ring.keys if kept.key), key=lambda kept: kept.version)
        self._ring, self._masters, self._seen = ring, masters, seen
        self._newest = {kept.name: kept for kept in alive}
        self._read_at = time.monotonic()

    def _change(self, work: Callable[[], Ring], written: Callable[[], None] = lambda: None) -> None:
        """Replaces the file by what `work` makes of what stands in it now."""
        try:
            with keyfile.locked(self._path):
                self._read()
                keyfile.write(self._path, work())
                written()
                self._read()
        except OSError as error:
            raise KmsAway(f"{self._path} cannot be written: {error.strerror or type(error).__name__}") from None

    def _with_version(self, name: str, only_if_none: bool = False) -> Ring:
        if only_if_none and name in self._newest:
            return self._ring
        assert self._opener is not None
        version = max((kept.version for kept in self._ring.keys if kept.name == name), default=0) + 1
        id = (b"\x01" + secrets.token_bytes(ID - 1)).hex()  # never the beginning of another service's wrapped keys
        kept = Kept(name, version, id, time.time())
        kept = msgspec.structs.replace(kept, key=self._opener.shut(Pii(secrets.token_bytes(KEY)), kept.label))
        return msgspec.structs.replace(self._ring, keys=(*self._ring.keys, kept))


class LocalKms:
    """The keyring as a Kms."""

    def __init__(self, ring: LocalKeyring) -> None:
        self._ring = ring

    async def generate(self, key: str, context: str) -> DataKey:
        return self._ring.generate(key, context)

    async def unwrap(self, wrapped: bytes, context: str) -> Pii[bytes]:
        return self._ring.unwrap(wrapped, context)

    async def rewrap(self, key: str, wrapped: bytes, context: str) -> Rewrapped | None:
        return self._ring.rewrap(key, wrapped, context)

    async def bring_home(self, key: str, wrapped: bytes, context: str) -> DataKey | None:
        return None

    async def close(self) -> None:
        """Nothing is open."""

    async def versions(self, names: list[str]) -> list[KeyVersion]:
        return self._ring.versions()

    async def rotate(self, name: str) -> KeyVersion:
        return self._ring.rotate(name)

    async def destroy(self, name: str, reason: str, version: int | None = None) -> list[KeyVersion]:
        return self._ring.destroy(name, reason, version)


def _create(path: Path) -> None:
    with keyfile.locked(path):
        if not path.exists():
            keyfile.write(path, Ring())


def _signature(path: Path) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns, found.st_mode


def _without(ring: Ring, gone: set[str], reason: str) -> Ring:
    now = time.time()
    keys = (
        msgspec.structs.replace(kept, key=b"", destroyed=now, reason=reason) if kept.id in gone else kept
        for kept in ring.keys
    )
    return msgspec.structs.replace(ring, keys=tuple(keys))
