"""The rows of how the sides of contacts sounded."""

from collections.abc import Iterable

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from signaling.center.record import QualityInfo
from signaling.center.resources import Tenant
from signaling.store.tables import of, qualities
from signaling.store.upsert import upsert

ByContact = dict[str, tuple[QualityInfo, ...]]


async def save_quality(connection: AsyncConnection, tenant: Tenant, contact: str, quality: QualityInfo) -> None:
    side = {"account": tenant.account, "instance": tenant.instance, "contact": contact, "side": quality.side}
    await upsert(connection, qualities, {**side, "quality": msgspec.to_builtins(quality)})


async def load_qualities(connection: AsyncConnection, tenant: Tenant, ids: Iterable[str]) -> ByContact:
    query = of(tenant, qualities).where(qualities.c.contact.in_(list(ids))).order_by(qualities.c.side)
    found: ByContact = {}
    for row in await connection.execute(query):
        found[row.contact] = (*found.get(row.contact, ()), msgspec.convert(row.quality, QualityInfo))
    return found
