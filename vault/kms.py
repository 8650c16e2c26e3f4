"""The interface of a key management service. Implementations: `vault.keyring` (embedded), `vault.remote`
(OpenBao or Vault by `vault.transit`, AWS by `vault.aws`).

KmsError
├── KeyUnavailable   the service says no: the key is missing, disabled or destroyed, or the context is another one
└── KmsAway          the service does not answer: worth another try
"""

from typing import NamedTuple, Protocol

from vault.pii import Pii

KEY = 32


class KmsError(Exception):
    """A data key cannot be had now or ever."""


class KeyUnavailable(KmsError):
    """The master key is missing, disabled or destroyed, or the wrapped key was made for another context."""


class KmsAway(KmsError):
    """The service cannot be reached, or does not do its work just now. Worth another try."""


class DataKey(NamedTuple):
    plain: Pii[bytes]
    """32 bytes, for AES-256-GCM; never written anywhere."""
    wrapped: bytes
    """The same key under the master key, to be kept beside what it protects."""
    key_id: str
    """Which master key wrapped it."""


class Kms(Protocol):
    """Wraps data keys under master keys, which are named; "" is the service's own choice. `context` is bound to the
    wrapped key: unwrapping needs the same (AWS: encryption context). All methods raise KmsError."""

    async def generate(self, key: str, context: str) -> DataKey:
        """A fresh data key under the master key."""
        ...

    async def unwrap(self, wrapped: bytes, context: str) -> Pii[bytes]: ...

    async def bring_home(self, wrapped: bytes, context: str) -> DataKey | None:
        """The same data key under the service's own master key, when it was wrapped by another while the service was
        away; None when it is at home already."""
        ...

    async def close(self) -> None: ...
