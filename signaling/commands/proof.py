"""Whether a recording is what it is said to be: the record, its key, the object, its manifest, and the audit trail.
For `telephonist recording verify`, with the node running or not."""

import asyncio
import sys

import msgspec

from recorder.api import Check, Expected
from signaling.center.audit import AuditCheck
from signaling.center.record import RecordingInfo
from signaling.center.resources import Tenant
from signaling.commands.upkeep import opened
from signaling.errors import FolderError
from signaling.node.places import Places, verifier_command
from signaling.store.recordings import Kept
from signaling.store.store import Store

BAD_STATES = ("quarantined", "interrupted")


class Finding(msgspec.Struct, frozen=True):
    what: str
    holds: bool
    detail: str


class Proof(msgspec.Struct, frozen=True):
    """All that was found of one recording."""

    title: str
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        return all(finding.holds for finding in self.findings)


async def prove(places: Places, id: str) -> list[Proof]:
    """Of the recording with this id, or those of the contact with this id; none if there is none. Raises
    FolderError."""
    if not places.database.exists() or not places.keyring.exists():
        raise FolderError(f"there is no node's data in {places.data}: say where with --data")
    async with opened(places) as store:
        found: list[tuple[Tenant, Kept]] = []
        for directory in await store.directories():
            found += [(directory.tenant, kept) for kept in await _named(store, directory.tenant, id)]
        checks = await _checked(places, [_expected(tenant, kept) for tenant, kept in found])
        proofs = []
        for (tenant, kept), made in zip(found, checks, strict=True):
            trail = _trail(await store.verify_audit(tenant))
            told = tuple(Finding(check.what, check.holds, check.detail) for check in made)
            proofs.append(Proof(_title(tenant, kept), (_record(kept.recording), *told, trail)))
        return proofs


async def _named(store: Store, tenant: Tenant, id: str) -> list[Kept]:
    kept = await store.recording(tenant, id)
    if kept is not None:
        return [kept]
    record = await store.contact(tenant, id)
    both = (record.recording, record.ivr_recording) if record is not None else ()
    return [Kept(id, recording) for recording in both if recording is not None]


async def _checked(places: Places, wanted: list[Expected]) -> list[list[Check]]:
    """In a process of its own, which is the recorder's and knows keys, store and spool. Raises FolderError."""
    if not wanted:
        return []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *verifier_command(places)), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate(msgspec.json.encode(wanted))
    try:
        return msgspec.json.decode(output, type=list[list[Check]])
    except msgspec.MsgspecError:
        raise FolderError(f"the recordings in {places.data} cannot be read: see the lines above") from None


def _expected(tenant: Tenant, kept: Kept) -> Expected:
    one = kept.recording
    return Expected(
        recording=one.id,
        account=tenant.account,
        instance=tenant.instance,
        contact=kept.contact,
        key=one.key,
        state=one.state,
        size=one.size,
        sha256=one.sha256,
        deleted=one.deleted is not None,
    )


def _title(tenant: Tenant, kept: Kept) -> str:
    part = "agent's part" if kept.recording.type == "AGENT" else "automated part"
    return f"{tenant.alias}: contact {kept.contact}, recording {kept.recording.id} ({part})"


def _record(recording: RecordingInfo) -> Finding:
    if (stone := recording.deleted) is not None:
        return Finding("record", True, f"deleted by {stone.by}: {stone.reason}")
    if recording.state in BAD_STATES:
        return Finding("record", False, f"{recording.state}: {recording.reason}")
    return Finding("record", True, f"{recording.state}, {recording.duration_ms / 1000:.2f} s, {recording.gaps} gaps")


def _trail(check: AuditCheck) -> Finding:
    if check.broken is None:
        return Finding("audit", True, f"{check.rows} rows hold, head {check.head.hex()}")
    return Finding("audit", False, f"row {check.broken} is changed, missing or out of place")
