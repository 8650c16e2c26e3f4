"""Which key service a node has, as its configuration says."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from vault.keyring import LocalKeyring, LocalKms
from vault.kms import KeyUnavailable, Kms
from vault.protection import Secrets
from vault.remote import RemoteKms, Service


class Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing of it is secret."""

    service: Literal["local", "vault", "aws"] = "local"
    """`vault`: the transit engine of OpenBao or Vault."""
    key: str = ""
    """The master key: a name of the transit engine; an id, ARN or alias of AWS."""
    instances: dict[str, str] = {}
    """Those of single instances, by the instance's id; the local keyring has one for each by itself."""
    endpoint: str = ""
    mount: str = "transit"
    token_file: str = ""
    """Without it: BAO_TOKEN or VAULT_TOKEN of the environment."""
    ca_file: str = ""
    """Who is trusted to vouch for the endpoint; empty: whom the system trusts."""
    region: str = ""
    credentials: str = ""
    """The profile in AWS's shared credentials file. Without it: the environment, or the machine's role."""
    passphrase_file: str = ""
    """What the local keyring is protected by, if it is: see vault.protection."""
    key_file: str = ""

    @property
    def secrets(self) -> Secrets:
        return Secrets(self.passphrase_file, self.key_file)

    def chosen(self, name: str) -> str:
        """The service's key for an instance (`master_name`), and for ""."""
        return self.instances.get(name.rpartition("/")[2], self.key)


def check_keys(keys: Keys) -> None:
    """Raises ValueError that names the member which cannot be used."""
    if keys.service != "local" and not keys.key:
        raise ValueError(f"service {keys.service!r} needs a key")
    if keys.service == "vault" and urlsplit(keys.endpoint).scheme not in ("http", "https"):
        raise ValueError("service 'vault' needs an endpoint that is an http or https URL")
    names = (keys.key, *keys.instances.values())
    if "/" in keys.mount.strip("/") or (keys.service == "vault" and not all(map(_is_name, names))):
        raise ValueError("mount and keys of 'vault' are names")
    if not all(0 < len(name.encode()) < 256 for name in keys.instances.values()):
        raise ValueError("a key of instances has 1 to 255 bytes")
    if keys.passphrase_file and keys.key_file:
        raise ValueError("give passphrase_file or key_file, not both")


def open_kms(keys: Keys, keyring: Path) -> Kms:
    """`close` it at the end. Raises KeyUnavailable."""
    ring = LocalKeyring.open(keyring, keys.secrets)
    return LocalKms(ring) if keys.service == "local" else RemoteKms(_service(keys), ring, keys.chosen)


def read_keys(file: Path | None) -> Keys:
    """What a file says that the node has written; the local keyring alone without one. Raises OSError,
    msgspec.MsgspecError."""
    return msgspec.json.decode(file.read_bytes(), type=Keys) if file is not None and file.exists() else Keys()


def _service(keys: Keys) -> Service:
    """The libraries of a service are loaded when it is used."""
    if keys.service == "aws":
        from vault.aws import AwsKms

        return AwsKms(keys.region, keys.endpoint, keys.credentials)
    from vault.transit import Transit

    url = f"{keys.endpoint.rstrip('/')}/v1/{keys.mount.strip('/')}"
    try:
        return Transit(url, _path(keys.token_file), _path(keys.ca_file))
    except OSError as error:
        raise KeyUnavailable(f"ca_file cannot be used: {error.strerror or error}") from None


def _is_name(key: str) -> bool:
    return key.replace("-", "").replace("_", "").isalnum()


def _path(name: str) -> Path | None:
    return Path(name) if name else None
