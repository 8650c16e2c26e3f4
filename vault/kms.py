"""The interface of a key management service. Implementations: `vault.keyring` (embedded)."""

from typing import NamedTuple, Protocol

from vault.pii import Pii


class KeyUnavailable(Exception):
    """The master key is missing, disabled or destroyed, or the wrapped key was made for another context."""


class DataKey(NamedTuple):
    plain: Pii[bytes]
    """32 bytes, for AES-256-GCM; never written anywhere."""
    wrapped: bytes
    """The same key under the master key, to be kept beside what it protects."""
    key_id: str
    """Which master key wrapped it."""


class Kms(Protocol):
    """Wraps data keys under a master key. `context` is bound to the wrapped key: unwrapping needs the same (AWS:
    encryption context)."""

    def generate(self, context: str) -> DataKey: ...

    def unwrap(self, wrapped: bytes, context: str) -> Pii[bytes]:
        """Raises KeyUnavailable."""
        ...
