"""Deletion over a real store: what retention wants, what a hold keeps, what is tried again."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from ipc.messages import Refusal
from signaling.center.audit import AuditEvent
from signaling.center.record import LegalHold, Tombstone
from signaling.center.resources import RetentionRule, Tenant
from signaling.recordings.deletion import Deletion
from signaling.store import Store
from signaling.store.recordings import Kept
from tests.signaling.store.samples import ACME, DAY, NOON, RIVAL, Clock, a_directory, a_record, a_recording, a_store_of


class Objects:
    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.away = False

    async def delete(self, tenant: Tenant, key: str, recording: str) -> None:
        assert int(recording, 16) == int(key)
        if self.away:
            raise Refusal("gone", "the process went away")
        self.deleted.append(f"{tenant.alias}/{key}")


class Archive:
    """Contacts that ended so many days ago, each with a recording of its own."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock, self.objects = store, clock, Objects()
        self.deletion = Deletion(store, self.objects, clock)
        self._next = 0

    async def rule(self, *rules: RetentionRule, tenant: Tenant = ACME) -> None:
        await self.store.save_directory(msgspec.structs.replace(a_directory(tenant), retention=rules), {})

    async def add(
        self, days: float, queue: str | None = "queue-1", state: str = "released", tenant: Tenant = ACME
    ) -> Kept:
        self._next += 1
        ended = NOON - days * DAY
        record = a_record(f"c-{self._next}", tenant, initiated=ended - 60, disconnected=ended, updated=ended)
        assert record.queue is not None
        recording = a_recording(
            state if state != "quarantined" else "sealed", id=f"{self._next:032x}", key=str(self._next)
        )
        recording = msgspec.structs.replace(recording, state=state)
        info = msgspec.structs.replace(record.queue, id=queue) if queue else None
        await self.store.save_contact(msgspec.structs.replace(record, queue=info, recording=recording))
        return Kept(record.contact, recording)

    async def gone(self) -> list[str]:
        before = len(self.objects.deleted)
        await self.deletion.sweep()
        return self.objects.deleted[before:]


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    clock = Clock()
    async with a_store_of(tmp_path, (ACME, RIVAL), (), clock) as store:
        yield Archive(store, clock)


async def test_without_a_rule_everything_is_kept(archive: Archive) -> None:
    await archive.add(20_000)
    assert await archive.gone() == []


async def test_each_queue_has_its_rule_and_the_instance_one_for_the_rest(archive: Archive) -> None:
    await archive.rule(RetentionRule("queue-1", 30), RetentionRule("queue-2", 0), RetentionRule("", 90))
    for days, queue in (
        (29, "queue-1"),
        (31, "queue-1"),
        (500, "queue-2"),
        (31, "queue-3"),
        (91, "queue-3"),
        (91, None),
    ):
        await archive.add(days, queue)
    assert sorted(await archive.gone()) == ["acme/2", "acme/5", "acme/6"]
    assert await archive.gone() == []
    archive.clock.now += 2 * DAY
    assert await archive.gone() == ["acme/1"]


async def test_a_rule_is_its_instances_alone(archive: Archive) -> None:
    await archive.rule(RetentionRule("", 1), tenant=RIVAL)
    await archive.add(5)
    await archive.add(5, tenant=RIVAL)
    assert await archive.gone() == ["rival/2"]


async def test_what_expired_leaves_a_tombstone_and_a_line_in_the_trail(archive: Archive) -> None:
    await archive.rule(RetentionRule("", 30))
    kept = await archive.add(31)
    await archive.gone()
    record = await archive.store.contact(ACME, kept.contact)
    assert record is not None and record.recording is not None and record.recording.deleted is not None
    stone = record.recording.deleted
    assert (stone.by, stone.cause, stone.at, stone.erased) == ("retention", "retention", NOON, NOON)
    [row] = [row.event for row in await archive.store.audit_of(ACME, f"recording/{kept.contact}")]
    assert (row.actor, row.action, row.outcome) == ("retention", "DeleteCallRecording", "allowed")


async def test_a_hold_wins_over_the_rule_until_it_is_cleared(archive: Archive) -> None:
    await archive.rule(RetentionRule("", 30))
    kept = await archive.add(31)
    assert await archive.store.set_hold(ACME, kept.contact, LegalHold(NOON, "max", "Case 12"))
    assert not await archive.store.set_hold(ACME, kept.contact, LegalHold(NOON, "max", "Case 13"))
    assert await archive.gone() == []
    assert not await archive.deletion.delete(ACME, kept, Tombstone(NOON, "max", "why"))
    assert await archive.store.clear_hold(ACME, kept.contact)
    assert await archive.gone() == ["acme/1"]


async def test_a_hold_that_comes_in_between_is_told_to_the_trail(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive.rule(RetentionRule("", 30))
    kept = await archive.add(31)
    audit = Store.audit

    async def held_meanwhile(store: Store, tenant: Tenant, event: AuditEvent) -> None:
        await audit(store, tenant, event)
        await store.set_hold(ACME, kept.contact, LegalHold(NOON, "max", "Case 12"))

    monkeypatch.setattr(Store, "audit", held_meanwhile)
    assert await archive.gone() == []
    rows = await archive.store.audit_of(ACME, f"recording/{kept.contact}")
    assert [row.event.outcome for row in rows] == ["refused", "allowed"]


@pytest.mark.parametrize(("state", "gone"), [("recording", 0), ("sealed", 0), ("uploaded", 0), ("quarantined", 1)])
async def test_what_is_on_its_way_is_left_alone(archive: Archive, state: str, gone: int) -> None:
    await archive.rule(RetentionRule("", 30))
    await archive.add(31, state=state)
    assert len(await archive.gone()) == gone


async def test_more_than_a_hundred_go_in_one_sweep(archive: Archive) -> None:
    await archive.rule(RetentionRule("", 30))
    for _ in range(103):
        await archive.add(31)
    assert len(await archive.gone()) == 103


async def test_what_the_store_would_not_delete_is_tried_again(archive: Archive) -> None:
    await archive.rule(RetentionRule("", 30))
    await archive.add(31)
    archive.objects.away = True
    assert await archive.gone() == []
    archive.objects.away = False
    archive.clock.now += 60
    assert await archive.gone() == ["acme/1"]
    assert await archive.gone() == []


async def test_the_same_is_not_deleted_twice(archive: Archive) -> None:
    kept = await archive.add(1)
    assert await archive.deletion.delete(ACME, kept, Tombstone(NOON, "max", "why"))
    assert not await archive.deletion.delete(ACME, kept, Tombstone(NOON, "max", "why"))
    assert not await archive.deletion.delete(RIVAL, kept, Tombstone(NOON, "max", "why"))
    assert archive.objects.deleted == ["acme/1"]
