"""After the control plane was killed: contacts that were live and were not kept for a new start have no dialog any
more, and their records are closed."""

from collections.abc import Container, Iterable
from typing import Protocol

import msgspec
import structlog

from signaling.center.record import ContactRecord
from signaling.center.resources import Tenant

log = structlog.get_logger()


class Records(Protocol):
    async def open_contacts(self, tenant: Tenant) -> list[ContactRecord]: ...

    async def save_contact(self, record: ContactRecord) -> None: ...


async def close_interrupted(
    records: Records, tenants: Iterable[Tenant], now: float, adopted: Container[str] = ()
) -> None:
    """Completes every contact that an earlier run left open, but for those that go on."""
    for tenant in tenants:
        for record in await records.open_contacts(tenant):
            if record.contact in adopted:
                continue
            log.warning("x contact was interrupted", contact=record.contact)
            await records.save_contact(interrupted(record, now))


def interrupted(record: ContactRecord, now: float) -> ContactRecord:
    """The record of a contact that nobody ended: `OTHER`, now. One that only lacked its clearing keeps its reason."""
    now = max(now, record.updated)  # a clock that was set back must not make the end the older news
    queue = record.queue
    if queue is not None and queue.dequeued is None:
        queue = msgspec.structs.replace(queue, dequeued=now, duration=int(now - queue.enqueued))
    agent = record.agent
    if agent is not None:
        work = agent.after_contact_work_start
        talked = agent.interaction_duration if work is not None else int(now - agent.connected) - agent.hold_duration
        agent = msgspec.structs.replace(
            agent,
            interaction_duration=talked,
            after_contact_work_start=work if work is not None else now,
            after_contact_work_end=now,
        )
    return msgspec.structs.replace(
        record,
        updated=now,
        queue=queue,
        agent=agent,
        disconnected=record.disconnected if record.disconnected is not None else now,
        disconnect_reason=record.disconnect_reason or "OTHER",
        completed=now,
    )
