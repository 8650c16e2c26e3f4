"""The keys of recordings: one data key each, from the KMS, and from it one key for each thing that is sealed."""

import hashlib
import hmac
import json
from typing import NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from recorder.api import Start
from vault.kms import DataKey, Kms, Rewrapped, master_name
from vault.pii import Pii

KEY = 32
SALT = 32


class Owner(NamedTuple):
    """Whose a sealed thing is; bound to each of its parts."""

    account: str
    instance: str
    contact: str
    recording: str

    def bytes(self) -> bytes:
        return json.dumps(["telephonist recording", *self], separators=(",", ":")).encode()


def owner_of(start: Start) -> Owner:
    return Owner(start.account, start.instance, start.contact, start.recording)


def context_of(owner: Owner) -> str:
    """What the KMS binds a recording's data key to."""
    return owner.bytes().decode()


class RecordingKeys:
    """Makes and unwraps the data keys of recordings; the owner is the KMS's encryption context."""

    def __init__(self, kms: Kms) -> None:
        self._kms = kms

    async def generate(self, owner: Owner) -> DataKey:
        """Raises KmsError."""
        return await self._kms.generate(_master(owner), context_of(owner))

    async def unwrap(self, wrapped: bytes, owner: Owner) -> Pii[bytes]:
        """Raises KmsError."""
        return await self._kms.unwrap(wrapped, context_of(owner))

    async def bring_home(self, wrapped: bytes, owner: Owner) -> DataKey | None:
        """The data key under its own master key, when it had to be wrapped by the local one. Raises KmsError."""
        return await self._kms.bring_home(_master(owner), wrapped, context_of(owner))

    async def rewrap(self, wrapped: bytes, owner: Owner) -> Rewrapped | None:
        """The data key under the newest version of the instance's master key; None when it is already. Raises
        KmsError."""
        return await self._kms.rewrap(_master(owner), wrapped, context_of(owner))


def _master(owner: Owner) -> str:
    return master_name(owner.account, owner.instance)


def derive(data_key: Pii[bytes], salt: bytes, purpose: str) -> Pii[bytes]:
    """A key for one purpose (RFC 5869). With a fresh salt it is a fresh key, whose nonces may begin at zero."""
    return Pii(HKDF(SHA256(), KEY, salt, purpose.encode()).derive(data_key.reveal()))


def sign(data_key: Pii[bytes], purpose: str, data: bytes) -> str:
    """HMAC-SHA256 under a key derived for this purpose, in hexadecimal."""
    return hmac.new(derive(data_key, b"", purpose).reveal(), data, hashlib.sha256).hexdigest()
