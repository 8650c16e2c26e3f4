"""Deletes recordings: first the decision, kept as a tombstone, then the sound, as often as it takes."""

from collections.abc import Callable
from typing import Protocol

import structlog

from ipc.messages import Refusal
from signaling.center.audit import AuditEvent, Outcome
from signaling.center.record import Tombstone
from signaling.center.resources import Tenant
from signaling.store.recordings import Kept
from signaling.store.store import Store
from vault.pii import Pii

RETENTION = "retention"
"""Who deletes what is kept for too long, in tombstones and in the audit trail."""
log = structlog.get_logger()


class Objects(Protocol):
    """`signaling.recordings.recorders.Recorder` in the live server."""

    async def delete(self, tenant: Tenant, key: str, recording: str) -> None:
        """What this recording has stored under the key. Idempotent. Raises Refusal."""
        ...


class Deletion:
    """One for all instances of the node."""

    def __init__(self, store: Store, objects: Objects, clock: Callable[[], float]) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock

    async def delete(self, tenant: Tenant, kept: Kept, stone: Tombstone) -> bool:
        """From now on nobody can play it. False: it is under a legal hold, or was deleted before."""
        if not await self._store.bury(tenant, kept, stone):
            return False
        await self.erase(tenant, kept)
        return True

    async def erase(self, tenant: Tenant, kept: Kept) -> bool:
        """Whether the store has it no more; if not, the next sweep tries again."""
        try:
            await self._objects.delete(tenant, kept.recording.key, kept.recording.id)
        except Refusal as refusal:
            log.error("! deleted recording is still stored", recording=kept.recording.id, code=refusal.code)
            return False
        await self._store.note_erased(tenant, kept.recording.id, self._clock())
        return True

    async def sweep(self) -> None:
        """What is to be deleted and still stored, then what a retention rule wants deleted, of every instance."""
        for directory in await self._store.directories():
            for kept in await self._store.unerased(directory.tenant):
                await self.erase(directory.tenant, kept)
            await self._expire(directory.tenant)

    async def _expire(self, tenant: Tenant) -> None:
        while expired := await self._store.expired(tenant, self._clock()):
            done = [await self._bury_expired(tenant, kept) for kept in expired]
            if not any(done):  # a hold that was set meanwhile: the next look will not find these
                return

    async def _bury_expired(self, tenant: Tenant, kept: Kept) -> bool:
        """The line is in the trail before anything is done; a second one says that a hold came in between."""
        now, why = self._clock(), "kept for as long as the retention rule says"
        await self._note(tenant, kept, ("allowed", why))
        done = await self.delete(tenant, kept, Tombstone(now, RETENTION, why, "retention"))
        if not done:
            await self._note(tenant, kept, ("refused", why))
        return done

    async def _note(self, tenant: Tenant, kept: Kept, what: tuple[Outcome, str]) -> None:
        outcome, why = what
        detail: dict[str, str | Pii[str]] = {"reason": why, "recording": kept.recording.type}
        resource = f"recording/{kept.contact}"
        event = AuditEvent(self._clock(), RETENTION, "", "DeleteCallRecording", resource, outcome, detail)
        await self._store.audit(tenant, event)
