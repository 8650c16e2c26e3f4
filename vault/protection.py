"""What keeps the keyring's master keys shut: a passphrase, a key file, or nothing but the file's mode.

A passphrase is never on a command line, where every user of the machine could read it: it is in a file, in
TELEPHONIST_PASSPHRASE of the environment, or handed over by systemd (LoadCredential=telephonist.passphrase:…).
"""

import os
import secrets
from pathlib import Path
from typing import Literal

import msgspec
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vault.kms import KEY, KeyUnavailable
from vault.pii import Pii

PASSPHRASE = "TELEPHONIST_PASSPHRASE"
CREDENTIAL = "telephonist.passphrase"
MIN_PASSPHRASE = 12
NONCE = 12
_SALT = 16
_MAX_FILE = 4096
_PURPOSE = b"telephonist keyring"
Kind = Literal["none", "passphrase", "key-file"]


class Protection(msgspec.Struct, frozen=True):
    """How the keys of a file are shut; stands in the file. Argon2id's costs are RFC 9106's second choice."""

    kind: Kind = "none"
    salt: bytes = b""
    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


class Secrets(msgspec.Struct, frozen=True):
    """Where passphrase and key file are, for whoever has to open a keyring."""

    passphrase_file: str = ""
    key_file: str = ""

    def passphrase(self) -> Pii[bytes]:
        """Raises KeyUnavailable."""
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        credential = Path(folder) / CREDENTIAL if folder else None
        if self.passphrase_file:
            found = read_private(Path(self.passphrase_file)).rstrip(b"\r\n")
        elif PASSPHRASE in os.environ:
            found = os.environb[PASSPHRASE.encode()]
        elif credential is not None and credential.exists():
            found = read_private(credential).rstrip(b"\r\n")
        else:
            raise KeyUnavailable(f"the keyring wants its passphrase: set keys.passphrase_file or {PASSPHRASE}")
        if len(found) < MIN_PASSPHRASE:
            raise KeyUnavailable(f"a passphrase has {MIN_PASSPHRASE} bytes at least")
        return Pii(found)

    def key(self) -> Pii[bytes]:
        """Raises KeyUnavailable."""
        if not self.key_file:
            raise KeyUnavailable("the keyring wants its key file: set keys.key_file")
        found = read_private(Path(self.key_file))
        if len(found) < KEY:
            raise KeyUnavailable(f"{self.key_file} is no key file: it has less than {KEY} bytes")
        return Pii(found)


class Opener:
    """Shuts and opens single master keys; `label` is bound to each. Where there is no protection they stay as they
    are."""

    def __init__(self, protection: Protection, secrets_: Secrets) -> None:
        """Takes a tenth of a second and 64 MiB for a passphrase. Raises KeyUnavailable."""
        self.protection = protection
        self._aead = AESGCM(key.reveal()) if (key := _derived(protection, secrets_)) is not None else None

    def shut(self, master: Pii[bytes], label: bytes) -> bytes:
        if self._aead is None:
            return master.reveal()
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._aead.encrypt(nonce, master.reveal(), label)

    def open(self, kept: bytes, label: bytes) -> Pii[bytes]:
        """Raises KeyUnavailable."""
        if self._aead is None:
            return Pii(kept)
        try:
            return Pii(self._aead.decrypt(kept[:NONCE], kept[NONCE:], label))
        except (InvalidTag, ValueError):
            wrong = "passphrase" if self.protection.kind == "passphrase" else "key file"
            raise KeyUnavailable(f"it is another {wrong} than the keyring's, or the keyring was changed") from None


def new_protection(kind: Kind) -> Protection:
    return Protection(kind, secrets.token_bytes(_SALT)) if kind != "none" else Protection()


def read_private(path: Path) -> bytes:
    """What is in a small file that only its owner may read. Raises KeyUnavailable."""
    try:
        check_private(path)
        with path.open("rb") as file:
            return file.read(_MAX_FILE)
    except OSError as error:
        raise KeyUnavailable(f"{path} cannot be read: {error.strerror or type(error).__name__}") from None


def check_private(path: Path) -> None:
    """Raises KeyUnavailable when others may read or write it, OSError when it is not there."""
    if path.stat().st_mode & 0o077:
        raise KeyUnavailable(f"{path} can be read by others: chmod 600 it")


def _derived(protection: Protection, where: Secrets) -> Pii[bytes] | None:
    match protection.kind:
        case "none":
            return None
        case "key-file":
            made = HKDF(SHA256(), KEY, protection.salt, _PURPOSE).derive(where.key().reveal())
        case "passphrase":
            made = hash_secret_raw(
                where.passphrase().reveal(),
                protection.salt,
                time_cost=protection.passes,
                memory_cost=protection.memory_kib,
                parallelism=protection.lanes,
                hash_len=KEY,
                type=Type.ID,
            )
    return Pii(made)
