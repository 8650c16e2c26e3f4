"""The interface of a key management service. Implementations: `vault.keyring` (embedded), `vault.remote`
(OpenBao or Vault by `vault.transit`, AWS by `vault.aws`).

KmsError
├── KeyUnavailable   the service says no: the key is missing, disabled or destroyed, or the context is another one
│   └── KeyDestroyed it was destroyed on purpose, and never comes back
└── KmsAway          the service does not answer: worth another try
"""

from typing import NamedTuple, Protocol

from vault.pii import Pii

KEY = 32


class KmsError(Exception):
    """A data key cannot be had now or ever."""


class KeyUnavailable(KmsError):
    """The master key is missing, disabled or destroyed, or the wrapped key was made for another context."""


class KeyDestroyed(KeyUnavailable):
    """The master key was destroyed on purpose: what it wrapped is gone for good."""


class KmsAway(KmsError):
    """The service cannot be reached, or does not do its work just now. Worth another try."""


class DataKey(NamedTuple):
    plain: Pii[bytes]
    """32 bytes, for AES-256-GCM; never written anywhere."""
    wrapped: bytes
    """The same key under the master key, to be kept beside what it protects."""
    key_id: str
    """Which master key wrapped it."""


class Rewrapped(NamedTuple):
    """A data key under the newest version of its master key."""

    wrapped: bytes
    key_id: str


class KeyVersion(NamedTuple):
    """A version of a master key, as it is told to people."""

    name: str
    """`master_name` of whose it is; empty: the node's."""
    version: int
    id: str
    created: float
    """Unix seconds; 0: not known."""
    newest: bool
    """Whether it wraps what is new. The others only open."""
    destroyed: float = 0.0
    """When; 0: it is not."""
    reason: str = ""


def master_name(account: str, instance: str) -> str:
    """The name of an instance's master key."""
    return f"{account}/{instance}"


class Kms(Protocol):
    """Wraps data keys under master keys, which are named (`master_name`). `context` is bound to the wrapped key:
    unwrapping needs the same (AWS: encryption context). All methods raise KmsError."""

    async def generate(self, key: str, context: str) -> DataKey:
        """A fresh data key under the master key of this name."""
        ...

    async def unwrap(self, wrapped: bytes, context: str) -> Pii[bytes]: ...

    async def rewrap(self, key: str, wrapped: bytes, context: str) -> Rewrapped | None:
        """The same data key under the newest version of the master key; None when it is known to be already."""
        ...

    async def bring_home(self, key: str, wrapped: bytes, context: str) -> DataKey | None:
        """The same data key under the service's own master key, when it was wrapped by another while the service was
        away; None when it is at home already."""
        ...

    async def close(self) -> None: ...

    # For who looks after the master keys.

    async def versions(self, names: list[str]) -> list[KeyVersion]:
        """Of the master keys of these names, and of all others that are known."""
        ...

    async def rotate(self, name: str) -> KeyVersion:
        """A new version for all that is wrapped from now on; the earlier ones go on opening."""
        ...

    async def destroy(self, name: str, reason: str, version: int | None = None) -> list[KeyVersion]:
        """Removes a version, or the whole key, for good: what it wrapped never opens again."""
        ...
