from signaling.center import events
from signaling.center.decisions import SaveContact
from signaling.center.record import ContactRecord
from signaling.center.resources import Tenant
from signaling.survival.recovery import close_interrupted, interrupted
from tests.signaling.center.floor_plan import TENANT, Shift


class Kept:
    def __init__(self, *records: ContactRecord) -> None:
        self.records = {record.contact: record for record in records}

    async def open_contacts(self, tenant: Tenant) -> list[ContactRecord]:
        assert tenant == TENANT
        return [record for record in self.records.values() if record.completed is None]

    async def save_contact(self, record: ContactRecord) -> None:
        self.records[record.contact] = record


async def test_a_talk_that_was_cut_is_closed_with_its_length() -> None:
    shift = Shift()
    shift.sign_in("ann")
    shift.call("c1")
    shift.connect("c1", "ann")
    kept = Kept(shift.last(SaveContact).record)
    await close_interrupted(kept, [TENANT], shift.now + 42.5)
    record = kept.records["c1"]
    assert (record.disconnect_reason, record.completed) == ("OTHER", shift.now + 42.5)
    assert record.agent is not None
    assert record.agent.interaction_duration == 42
    assert record.agent.after_contact_work_end == shift.now + 42.5


async def test_one_that_was_taken_over_stays_open() -> None:
    shift = Shift()
    shift.call("c1")
    shift.call("c2")
    kept = Kept(shift.record("c1"), shift.record("c2"))
    await close_interrupted(kept, [TENANT], shift.now, {"c1"})
    assert kept.records["c1"].completed is None
    assert kept.records["c2"].completed == shift.now


def test_a_contact_that_waited_leaves_its_queue() -> None:
    shift = Shift()
    shift.call("c1")
    record = interrupted(shift.record("c1"), shift.now + 10)
    assert record.queue is not None
    assert (record.queue.duration, record.queue.dequeued) == (10, shift.now + 10)


def test_one_that_only_was_not_cleared_keeps_its_reason() -> None:
    shift = Shift()
    shift.sign_in("ann")
    shift.call("c1")
    shift.connect("c1", "ann")
    shift.now += 7
    shift.tell(events.CustomerLeft("c1"))
    record = interrupted(shift.record("c1"), shift.now + 60)
    assert record.disconnect_reason == "CUSTOMER_DISCONNECT"
    assert record.disconnected == shift.now
    assert record.agent is not None
    assert record.agent.interaction_duration == 7


def test_a_clock_that_was_set_back_does_not_make_the_end_older_than_the_talk() -> None:
    shift = Shift()
    shift.sign_in("ann")
    shift.call("c1")
    shift.connect("c1", "ann")
    talk = shift.record("c1")
    ended = interrupted(talk, talk.updated - 3600)
    assert ended.updated == talk.updated
    assert ended.agent is not None
    assert (ended.completed, ended.agent.interaction_duration) == (talk.updated, 0)
