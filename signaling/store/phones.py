"""What is kept of phones beside their settings: what verifies their passwords, sealed, and where they registered."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from signaling.center.resources import Tenant
from signaling.sip.registering.digest import Account, Secrets, make_secrets
from signaling.store.tables import of, phone_bindings, phones
from vault.fields import FieldKey, Place, seal, unseal
from vault.pii import Pii


class KeptBinding(msgspec.Struct, frozen=True):
    """signaling.sip.registering.bindings.Binding, on the wall clock."""

    key: str
    contact: str
    host: str
    """Where it registered from, over UDP: other flows do not outlive a process."""
    port: int
    local_host: str
    local_port: int
    call_id: str
    number: int
    expires: float
    """Unix seconds."""
    since: float
    instance: str = ""
    reg_id: int = 0


KeptBindings = Mapping[tuple[Tenant, str], Sequence[KeptBinding]]
"""By phone, all that it has."""


def seal_secrets(key: FieldKey, tenant: Tenant, phone: str, password: Pii[str]) -> bytes:
    """What verifies the password in the instance's realm, its alias."""
    secrets = make_secrets(Account(phone, password.reveal()), tenant.alias)
    return seal(key, _place(tenant, phone), Pii(msgspec.json.encode(secrets).decode()))


def unseal_secrets(key: FieldKey, tenant: Tenant, phone: str, sealed: bytes) -> Secrets:
    """Raises FieldDamaged."""
    text = unseal(key, _place(tenant, phone), sealed).reveal()
    return msgspec.json.decode(text, type=dict[str, str])


async def save_secrets(
    connection: AsyncConnection, key: FieldKey, tenant: Tenant, passwords: Mapping[str, Pii[str]]
) -> None:
    """Of phones that are there."""
    for phone, password in passwords.items():
        sealed = seal_secrets(key, tenant, phone, password)
        where = {"account": tenant.account, "instance": tenant.instance, "name": phone}
        await connection.execute(update(phones).filter_by(**where).values(secrets=sealed))


async def load_sealed(connection: AsyncConnection, tenant: Tenant) -> dict[str, bytes]:
    """By phone; those that have no password are missing."""
    rows = await connection.execute(of(tenant, phones).where(phones.c.secrets.is_not(None)))
    return {row.name: row.secrets for row in rows}


async def load_bindings(connection: AsyncConnection, tenant: Tenant, now: float) -> dict[str, list[KeptBinding]]:
    """By phone, those that have not run out."""
    table = phone_bindings
    query = select(table.c.phone, table.c.binding).where(
        table.c.account == tenant.account, table.c.instance == tenant.instance, table.c.expires > now
    )
    found: dict[str, list[KeptBinding]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.phone, []).append(msgspec.convert(row.binding, KeptBinding))
    return found


async def save_bindings(connection: AsyncConnection, kept: KeptBindings) -> None:
    """In place of what was kept of these phones."""
    table = phone_bindings
    rows = []
    for (tenant, phone), bindings in kept.items():
        where = {"account": tenant.account, "instance": tenant.instance, "phone": phone}
        await connection.execute(delete(table).filter_by(**where))
        rows += [
            {**where, "key": binding.key, "binding": msgspec.to_builtins(binding), "expires": binding.expires}
            for binding in bindings
        ]
    if rows:
        await connection.execute(insert(table), rows)


def _place(tenant: Tenant, phone: str) -> Place:
    return Place(tenant.account, tenant.instance, "phones", phone, "secrets")
