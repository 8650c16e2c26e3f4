"""What is done to a node's master keys from the command line; the node may run. Every act is in the audit trail of the
instance whose key it is before it is done."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from signaling.center.audit import NOWHERE, AuditEvent, Outcome
from signaling.center.resources import Tenant
from signaling.errors import FolderError
from signaling.node.places import Places
from signaling.store import Store
from signaling.store.errors import Conflict, StoreUnavailable
from vault.keyring import LocalKeyring
from vault.kms import KeyVersion, Kms, KmsError, master_name
from vault.protection import Kind, Secrets
from vault.services import Keys, open_kms, read_keys

NODE = "node"
"""What the key without an instance is called: all instances had that one until each had its own."""


class KeyCare:
    """Opened by `caring`. Methods raise FolderError."""

    def __init__(self, store: Store, kms: Kms, tenants: list[Tenant]) -> None:
        self.store = store
        self.kms = kms
        self.tenants = tenants

    def named(self, instance: str) -> Tenant:
        """By alias or id; NOWHERE for the node itself."""
        if instance == NODE:
            return NOWHERE
        found = [tenant for tenant in self.tenants if instance in (tenant.alias, tenant.instance)]
        if len(found) != 1:
            known = ", ".join(tenant.alias for tenant in self.tenants)
            raise FolderError(f"there is no instance {instance}: choose one of {known}, or {NODE}")
        return found[0]

    async def versions(self) -> list[tuple[str, KeyVersion]]:
        """Of all master keys, with what people call each."""
        aliases = {_name(tenant): tenant.alias for tenant in self.tenants} | {"": NODE}
        try:
            found = await self.kms.versions([_name(tenant) for tenant in self.tenants])
        except KmsError as error:
            raise FolderError(str(error)) from None
        return [(aliases.get(version.name, version.name), version) for version in found]

    async def rotate(self, tenant: Tenant) -> KeyVersion:
        await self.note(tenant, "RotateMasterKey", "allowed")
        try:
            return await self.kms.rotate(_name(tenant))
        except KmsError as error:
            await self.note(tenant, "RotateMasterKey", "refused", error=str(error))
            raise FolderError(f"the key is not rotated: {error}") from None

    async def destroy(self, tenant: Tenant, reason: str, version: int | None) -> list[KeyVersion]:
        detail = {"reason": reason, "version": str(version or "all")}
        await self.note(tenant, "DestroyMasterKey", "allowed", **detail)
        try:
            return await self.kms.destroy(_name(tenant), reason, version)
        except KmsError as error:
            await self.note(tenant, "DestroyMasterKey", "refused", **detail, error=str(error))
            raise FolderError(f"the key is not destroyed: {error}") from None

    async def note(self, tenant: Tenant, action: str, outcome: Outcome, **detail: str) -> None:
        resource = f"key/{tenant.instance or NODE}"
        event = AuditEvent(
            at=time.time(),
            actor=f"uid/{os.getuid()}",
            source="command line",
            action=action,
            resource=resource,
            outcome=outcome,
            detail={**detail},
        )
        try:
            await self.store.audit(tenant, event)
        except (StoreUnavailable, Conflict) as error:
            raise FolderError(f"the audit trail cannot be written, so nothing is done: {error}") from None


@asynccontextmanager
async def caring(places: Places, secrets: Secrets) -> AsyncIterator[KeyCare]:
    """`secrets`: what opens the keyring, where the node has not written it down. Raises FolderError."""
    if not places.database.exists() or not places.keyring.exists():
        raise FolderError(f"there is no node's data in {places.data}: say where with --data")
    try:
        kms = open_kms(_keys(places, secrets), places.keyring)
        store = await Store.open(places.database, kms, time.time)
    except (StoreUnavailable, KmsError, OSError, msgspec.MsgspecError) as error:
        raise FolderError(f"{places.data} cannot be used: {error}") from None
    try:
        yield KeyCare(store, kms, [directory.tenant for directory in await store.directories()])
    finally:
        await store.close()
        await kms.close()


def protect(places: Places, kind: Kind, old: Secrets, new: Secrets) -> None:
    """Shuts the keyring by other means than before. Raises FolderError."""
    if not places.keyring.exists():
        raise FolderError(f"there is no node's data in {places.data}: say where with --data")
    try:
        LocalKeyring.open(places.keyring, _keys(places, old).secrets).protect(kind, new)
    except (KmsError, OSError, msgspec.MsgspecError) as error:
        raise FolderError(f"the keyring is as it was: {error}") from None


def make_key_file(path: Path) -> None:
    """A new key file for our own user. Raises FolderError, also for one that is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise FolderError(f"{path} cannot be made: {error.strerror}") from None


def _keys(places: Places, secrets: Secrets) -> Keys:
    keys = read_keys(places.keys)
    if not (secrets.passphrase_file or secrets.key_file):
        return keys
    return msgspec.structs.replace(keys, passphrase_file=secrets.passphrase_file, key_file=secrets.key_file)


def _name(tenant: Tenant) -> str:
    return "" if tenant == NOWHERE else master_name(tenant.account, tenant.instance)
