"""The rows of how the sides of contacts sounded."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from signaling.center.record import QualityInfo
from signaling.center.resources import Tenant
from signaling.store.tables import of, qualities

ByContact = dict[str, tuple[QualityInfo, ...]]


def quality_row(tenant: Tenant, contact: str, quality: QualityInfo) -> dict[str, Any]:
    side = {"account": tenant.account, "instance": tenant.instance, "contact": contact, "side": quality.side}
    return {**side, "quality": msgspec.to_builtins(quality)}


async def load_qualities(connection: AsyncConnection, tenant: Tenant, ids: Iterable[str]) -> ByContact:
    query = of(tenant, qualities).where(qualities.c.contact.in_(list(ids))).order_by(qualities.c.side)
    found: ByContact = {}
    for row in await connection.execute(query):
        found[row.contact] = (*found.get(row.contact, ()), msgspec.convert(row.quality, QualityInfo))
    return found
