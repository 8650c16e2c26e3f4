"""What is kept of trunks beside their settings: their passwords, sealed, and names that tell nothing."""

from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from signaling.center.resources import Tenant
from signaling.store.tables import trunks
from vault.fields import FieldKey, Place, blind_index, seal, unseal
from vault.pii import Pii


def opaque_id(index: Pii[bytes], trunk: str) -> str:
    """The same for as long as the instance's key of blind indexes is."""
    return blind_index(index, "trunks.name", Pii(trunk)).hex()[:16]


def unseal_password(key: FieldKey, tenant: Tenant, trunk: str, sealed: bytes) -> Pii[str]:
    """Raises FieldDamaged."""
    return unseal(key, _place(tenant, trunk), sealed)


async def load_passwords(connection: AsyncConnection, tenant: Tenant) -> dict[str, bytes | None]:
    """By trunk, as they are sealed; None where there is none."""
    query = select(trunks.c.name, trunks.c.password).filter_by(account=tenant.account, instance=tenant.instance)
    return {row.name: row.password for row in await connection.execute(query)}


async def save_passwords(
    connection: AsyncConnection, key: FieldKey, tenant: Tenant, passwords: Mapping[str, Pii[str]]
) -> None:
    """Seals and keeps them, of trunks that there are."""
    for trunk, password in passwords.items():
        mine = {"account": tenant.account, "instance": tenant.instance, "name": trunk}
        sealed = seal(key, _place(tenant, trunk), password)
        await connection.execute(update(trunks).filter_by(**mine).values(password=sealed))


def _place(tenant: Tenant, trunk: str) -> Place:
    return Place(tenant.account, tenant.instance, "trunks", trunk, "password")
