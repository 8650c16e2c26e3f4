"""What is done to a node's store from the command line: an instance is applied, audit trails are verified."""

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from signaling.center.audit import NOWHERE, AuditCheck, AuditEvent, Outcome
from signaling.center.resources import Directory
from signaling.commands.instance_file import InstanceFile
from signaling.errors import ConfigError, FolderError
from signaling.node.folder import prepare
from signaling.node.places import Places
from signaling.store import Store
from signaling.store.errors import Conflict, StoreUnavailable
from vault.kms import KmsError
from vault.services import open_kms, read_keys

NO_INSTANCE = "(no instance)"


@asynccontextmanager
async def opened(places: Places, clock: Callable[[], float] = time.time) -> AsyncIterator[Store]:
    """The store of a data directory. Raises FolderError."""
    try:
        kms = open_kms(read_keys(places.keys), places.keyring)
        store = await Store.open(places.database, kms, clock)
    except (StoreUnavailable, KmsError, OSError, msgspec.MsgspecError) as error:
        raise FolderError(f"{places.data} cannot be used: {error}") from None
    try:
        yield store
    finally:
        await store.close()
        await kms.close()


async def apply_instance(instance: InstanceFile, places: Places) -> None:
    """Writes an instance into the store of a node that does not run. Raises FolderError, ConfigError."""
    with prepare(places):
        async with opened(places) as store:
            await apply(store, instance)


async def apply(store: Store, instance: InstanceFile) -> None:
    """Writes an instance; the change is in its audit trail before it is made. Raises ConfigError."""
    directory = instance.directory
    tenant = directory.tenant
    for other in await store.directories():
        # The live node knows instances by their ids alone.
        if other.tenant.instance == tenant.instance and other.tenant.account != tenant.account:
            raise ConfigError(f"instance {tenant.instance} belongs to another account: choose another id")
    await store.audit(tenant, change(directory, "allowed"))
    try:
        passwords = (instance.passwords, instance.phone_passwords, instance.trunk_passwords)
        await store.save_directory(directory, *passwords)
    except Conflict:
        await store.audit(tenant, change(directory, "refused"))
        raise ConfigError(f"the alias {tenant.alias}, or the name of a user, is taken already") from None


def change(directory: Directory, outcome: Outcome) -> AuditEvent:
    """The line of a change made at the machine itself, where nobody is signed in but to the system."""
    kinds = ("users", "security_profiles", "routing_profiles", "queues", "flows", "numbers", "trunks", "phones")
    return AuditEvent(
        at=time.time(),
        actor=f"uid/{os.getuid()}",
        source="command line",
        action="ApplyInstance",
        resource=f"instance/{directory.tenant.instance}",
        outcome=outcome,
        detail={kind: str(len(getattr(directory, kind))) for kind in kinds},
    )


async def verify_audits(places: Places) -> list[tuple[str, AuditCheck]]:
    """What the check of each instance's trail found, by alias; the node may run. Raises FolderError."""
    if not places.database.exists() or not places.keyring.exists():
        raise FolderError(f"there is no node's data in {places.data}: say where with --data")
    async with opened(places) as store:
        tenants = [directory.tenant for directory in await store.directories()]
        return [(tenant.alias or NO_INSTANCE, await store.verify_audit(tenant)) for tenant in (*tenants, NOWHERE)]
