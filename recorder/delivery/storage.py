"""Where an instance's finished recordings go, and how they are protected there. Pure."""

import re
from typing import Literal
from urllib.parse import urlsplit

import msgspec

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_'()-][A-Za-z0-9!_.'()-]*(/[A-Za-z0-9!_'()-][A-Za-z0-9!_.'()-]*)*/?")
_MAX_PREFIX = 256
_TAG = re.compile(r"[\w .:/=+@-]{1,128}")
_MAX_TAGS = 10


class Storage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out is as the node's own configuration says; what that leaves out is as said here."""

    bucket: str = ""
    """Of an S3 service. None: the node's directory."""
    prefix: str = ""
    """What every key begins with, e.g. "telephony/"."""
    region: str = ""
    endpoint: str = ""
    """URL of an S3 service that is not AWS's."""
    credentials: str = ""
    """The profile in AWS's shared credentials file. Without it: the environment, or the machine's role."""
    encryption: Literal["", "envelope", "sse-kms", "both"] = ""
    """`envelope` (the default): sealed before it leaves us. `sse-kms`: the service encrypts under `kms_key`."""
    kms_key: str = ""
    """The service's KMS key, for `sse-kms` and `both`."""
    lock: Literal["", "none", "governance", "compliance"] = ""
    """S3 object lock, for `retention_days` from the delivery on."""
    retention_days: int = 0
    tags: dict[str, str] = {}

    @property
    def sealed(self) -> bool:
        """Whether objects are sealed by us."""
        return self.encryption != "sse-kms"

    @property
    def encrypted(self) -> bool:
        """Whether the service has to encrypt."""
        return self.encryption in ("sse-kms", "both")

    @property
    def locked(self) -> bool:
        return self.lock in ("governance", "compliance")


def over(node: Storage, instance: Storage) -> Storage:
    """The instance's storage, with the node's where it says nothing."""
    chosen = {name: getattr(instance, name) or getattr(node, name) for name in Storage.__struct_fields__}
    return Storage(**chosen)


def check_storage(storage: Storage) -> None:
    """Raises ValueError that names the member which cannot be used."""
    if storage.bucket and (not _BUCKET.fullmatch(storage.bucket) or ".." in storage.bucket):
        raise ValueError(f"bucket {storage.bucket!r} is not the name of a bucket")
    if storage.prefix and (not _PREFIX.fullmatch(storage.prefix) or len(storage.prefix) > _MAX_PREFIX):
        raise ValueError(f"prefix {storage.prefix!r} must be names with '/' between, none of them beginning with a dot")
    if storage.endpoint and (urlsplit(storage.endpoint).scheme not in ("http", "https")):
        raise ValueError(f"endpoint {storage.endpoint!r} is not an http or https URL")
    if storage.encrypted and not (storage.bucket and storage.kms_key):
        raise ValueError(f"encryption {storage.encryption!r} needs a bucket and a kms_key")
    if storage.locked and not (storage.bucket and storage.retention_days > 0):
        raise ValueError(f"lock {storage.lock!r} needs a bucket and retention_days")
    if storage.retention_days < 0:
        raise ValueError("retention_days must not be negative")
    bad = [tag for pair in storage.tags.items() for tag in pair if not _TAG.fullmatch(tag)]
    if bad or len(storage.tags) > _MAX_TAGS:
        raise ValueError(f"tags: at most {_MAX_TAGS}, of letters, digits, spaces and .:/=+@-_")
