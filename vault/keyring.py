"""The embedded KMS: master keys in one file that only our user may read. `keyring.json` = {"active": id, "keys": {id:
base64}}."""

import base64
import json
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.kms import KEY, DataKey, KeyUnavailable
from vault.pii import Pii

NONCE = 12
ID = 8


class LocalKeyring:
    """Wrapped key = 8 bytes of key id, 12 of nonce, then the data key under AES-256-GCM with the context as AAD."""

    def __init__(self, keys: dict[bytes, Pii[bytes]], active: bytes) -> None:
        self._keys = keys
        self._active = active

    @classmethod
    def open(cls, path: Path) -> "LocalKeyring":
        """Reads the file, or makes one with a fresh key. Raises KeyUnavailable when it cannot be read or others may
        read it."""
        if not path.exists():
            _create(path)
        if path.stat().st_mode & 0o077:
            raise KeyUnavailable(f"{path} can be read by others: chmod 600 it")
        try:
            content = json.loads(path.read_bytes())
            keys = {bytes.fromhex(name): Pii(base64.b64decode(key)) for name, key in content["keys"].items()}
            return cls(keys, bytes.fromhex(content["active"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise KeyUnavailable(f"{path} is not a keyring: {type(error).__name__}") from None

    def generate(self, context: str) -> DataKey:
        return self.wrap(Pii(secrets.token_bytes(KEY)), context)

    def wrap(self, plain: Pii[bytes], context: str) -> DataKey:
        nonce = secrets.token_bytes(NONCE)
        sealed = AESGCM(self._keys[self._active].reveal()).encrypt(nonce, plain.reveal(), context.encode())
        return DataKey(plain, self._active + nonce + sealed, self._active.hex())

    def unwrap(self, wrapped: bytes, context: str) -> Pii[bytes]:
        master = self._keys.get(wrapped[:ID])
        if master is None:
            raise KeyUnavailable(f"no master key {wrapped[:ID].hex()}")
        try:
            nonce, sealed = wrapped[ID : ID + NONCE], wrapped[ID + NONCE :]
            return Pii(AESGCM(master.reveal()).decrypt(nonce, sealed, context.encode()))
        except (InvalidTag, ValueError):
            raise KeyUnavailable("the key was wrapped for another context, or is damaged") from None


class LocalKms:
    """The keyring as a Kms. It has one master key for all names."""

    def __init__(self, ring: LocalKeyring) -> None:
        self._ring = ring

    async def generate(self, key: str, context: str) -> DataKey:
        return self._ring.generate(context)

    async def unwrap(self, wrapped: bytes, context: str) -> Pii[bytes]:
        return self._ring.unwrap(wrapped, context)

    async def bring_home(self, wrapped: bytes, context: str) -> DataKey | None:
        return None

    async def close(self) -> None:
        """Nothing is open."""


def _create(path: Path) -> None:
    name = (b"\x01" + secrets.token_bytes(ID - 1)).hex()  # never the beginning of another service's wrapped keys
    content = {"active": name, "keys": {name: base64.b64encode(secrets.token_bytes(KEY)).decode()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
