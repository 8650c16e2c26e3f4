import asyncio

from signaling.calling.lanes import Lanes
from signaling.center.audit import AuditEvent
from signaling.center.record import ContactRecord, QualityInfo, RecordingInfo
from signaling.center.resources import Tenant
from signaling.sip.tracing.redaction import ShownMessage
from signaling.store.errors import StoreUnavailable
from signaling.survival.keeping import Keeper
from tests.signaling.center.floor_plan import TENANT
from vault.pii import Pii

QUALITY = QualityInfo("agent", "opus/48000")
INFO = RecordingInfo("0" * 32, "key", "sealed")


def record(contact: str, updated: float) -> ContactRecord:
    return ContactRecord(contact, "1", "i", "INBOUND", 0.0, Pii("+15550199"), "+15550100", updated)


class Fickle:
    """A store that fails as often as it was told, one contact only."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.kept: list[tuple[str, float]] = []
        self.recordings: list[str] = []
        self.qualities: list[str] = []
        self.traces: list[str] = []
        self.audited: list[tuple[Tenant, str]] = []
        self.failed = asyncio.Event()

    async def save_contact(self, record: ContactRecord) -> None:
        if record.contact == "c-1" and self.failures:
            self.failures -= 1
            self.failed.set()
            raise StoreUnavailable("the disk is full")
        self.kept.append((record.contact, record.updated))

    async def save_recording(self, tenant: Tenant, contact: str, recording: RecordingInfo) -> None:
        assert (tenant, recording) == (TENANT, INFO)
        self.recordings.append(contact)

    async def save_sip_trace(self, tenant: Tenant, contact: str, messages: list[ShownMessage]) -> None:
        assert tenant == TENANT
        self.traces.append(contact)

    async def save_quality(self, tenant: Tenant, contact: str, quality: QualityInfo) -> None:
        assert (tenant, quality) == (TENANT, QUALITY)
        self.qualities.append(contact)

    async def audit(self, tenant: Tenant, event: AuditEvent) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("the disk is full")
        self.audited.append((tenant, event.action))


async def test_a_store_that_fails_for_a_while_loses_nothing_and_holds_nobody_up() -> None:
    store, lanes = Fickle(2), Lanes()
    keeper = Keeper(store, lanes, (0.01,))
    keeper.keep_contact(record("c-1", 1.0))
    keeper.keep_contact(record("c-1", 2.0))
    keeper.keep_contact(record("c-2", 1.0))
    keeper.keep_recording(TENANT, "c-1", INFO)
    keeper.keep_quality(TENANT, "c-1", QUALITY)
    keeper.keep_sip_trace(TENANT, "c-1", [])
    await lanes.empty()
    assert store.kept == [("c-2", 1.0), ("c-1", 2.0)]
    assert store.recordings == store.qualities == store.traces == ["c-1"]


async def test_lines_of_the_audit_trail_are_tried_again_too() -> None:
    store, lanes = Fickle(1), Lanes()
    keeper = Keeper(store, lanes, (0.01,))
    for action in ("Suspend", "Resume"):
        keeper.keep_audit(TENANT, AuditEvent(1.0, "ann", "softphone", action, "recording/c-1", "allowed"))
    await lanes.empty()
    assert store.audited == [(TENANT, "Suspend"), (TENANT, "Resume")]


async def test_a_node_that_stops_tries_once_more() -> None:
    for failures, kept in ((1, [("c-1", 1.0)]), (9, [])):
        store, lanes = Fickle(failures), Lanes()
        keeper = Keeper(store, lanes, (60.0,))
        keeper.keep_contact(record("c-1", 1.0))
        async with asyncio.timeout(5):
            await store.failed.wait()
            keeper.hurry()
            await lanes.empty()
        assert store.kept == kept
