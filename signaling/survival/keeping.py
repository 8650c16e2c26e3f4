"""Keeps what must not be lost: what the store cannot take now is tried again, until it can."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from signaling.calling.lanes import Lanes
from signaling.center.audit import AuditEvent
from signaling.center.record import ContactRecord, QualityInfo, RecordingInfo
from signaling.center.resources import Tenant
from signaling.sip.tracing.redaction import ShownMessage
from signaling.store.errors import StoreUnavailable
from vault.kms import KmsError

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between tries; the last one is repeated."""
log = structlog.get_logger()


class Records(Protocol):
    """`signaling.store.Store` in the live server."""

    async def save_contact(self, record: ContactRecord) -> None: ...

    async def save_recording(self, tenant: Tenant, contact: str, recording: RecordingInfo) -> None: ...

    async def audit(self, tenant: Tenant, event: AuditEvent) -> None: ...

    async def save_quality(self, tenant: Tenant, contact: str, quality: QualityInfo) -> None: ...

    async def save_sip_trace(self, tenant: Tenant, contact: str, messages: list[ShownMessage]) -> None: ...


class Keeper:
    """What belongs to one contact is written in its order, in a lane apart from the contact's media."""

    def __init__(self, records: Records, lanes: Lanes, pauses: Sequence[float] = PAUSES) -> None:
        self._records = records
        self._lanes = lanes
        self._pauses = pauses
        self._closing = asyncio.Event()
        self._newest: dict[str, ContactRecord] = {}
        """Of the contacts whose record is still to be kept."""

    def keep_contact(self, record: ContactRecord) -> None:
        """The newest record stands for those before it that were not kept yet."""
        waits = record.contact in self._newest
        self._newest[record.contact] = record
        if not waits:
            self._lanes.add(f"{record.contact}/records", lambda: self._keep_newest(record.contact))

    def keep_recording(self, tenant: Tenant, contact: str, recording: RecordingInfo) -> None:
        self._add(contact, lambda: self._records.save_recording(tenant, contact, recording))

    def keep_audit(self, tenant: Tenant, event: AuditEvent) -> None:
        """In the order of the tenant's other lines that come this way."""
        self._add(f"{tenant.instance}/audit", lambda: self._records.audit(tenant, event))

    def keep_quality(self, tenant: Tenant, contact: str, quality: QualityInfo) -> None:
        self._add(contact, lambda: self._records.save_quality(tenant, contact, quality))

    def keep_sip_trace(self, tenant: Tenant, contact: str, messages: list[ShownMessage]) -> None:
        self._add(contact, lambda: self._records.save_sip_trace(tenant, contact, messages))

    def hurry(self) -> None:
        """The node stops: everything that waits is tried once more."""
        self._closing.set()

    def _add(self, contact: str, write: Callable[[], Awaitable[None]]) -> None:
        self._lanes.add(f"{contact}/records", lambda: self._keep(contact, write))

    async def _keep_newest(self, contact: str) -> None:
        try:
            await self._keep(contact, lambda: self._save_newest(contact))
        finally:
            self._newest.pop(contact, None)

    async def _save_newest(self, contact: str) -> None:
        while (record := self._newest.get(contact)) is not None:
            await self._records.save_contact(record)
            if self._newest[contact] is record:
                del self._newest[contact]

    async def _keep(self, contact: str, write: Callable[[], Awaitable[None]]) -> None:
        tries = 0
        while True:
            last = self._closing.is_set()
            try:
                await write()
                return
            except (StoreUnavailable, KmsError) as error:
                log.error("! record not kept", contact=contact, error=type(error).__name__, given_up=last)
            if last:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pauses[min(tries, len(self._pauses) - 1)]):
                    await self._closing.wait()
            tries += 1
