import itertools

import msgspec
import pytest

from signaling.center.record import RecordingInfo
from signaling.center.resources import Tenant
from signaling.center.segments import RecordingAct
from signaling.store import Store
from tests.signaling.store.samples import ACME, NAMESAKE, RIVAL, a_record, a_recording


async def stored(store: Store) -> RecordingInfo | None:
    record = await store.contact(ACME, "contact-1")
    assert record is not None
    return record.recording


async def test_a_recording_is_found_through_its_contact(store: Store) -> None:
    await store.save_contact(a_record())
    assert await stored(store) is None
    await store.save_recording(ACME, "contact-1", a_recording("sealed"))
    assert await stored(store) == a_recording("sealed")
    await store.save_contact(a_record())
    assert await stored(store) == a_recording("sealed")


async def test_it_is_kept_even_when_it_comes_before_its_contact(store: Store) -> None:
    await store.save_recording(ACME, "contact-1", a_recording())
    await store.save_contact(a_record())
    assert await stored(store) == a_recording()


@pytest.mark.parametrize("order", list(itertools.permutations(("recording", "uploaded", "released"))))
async def test_old_news_changes_nothing(store: Store, order: tuple[str, ...]) -> None:
    await store.save_contact(a_record(recording=a_recording("recording")))
    for state in order:
        await store.save_recording(ACME, "contact-1", a_recording(state))
    await store.save_contact(a_record(recording=a_recording("recording")))
    assert await stored(store) == a_recording("released")


async def test_an_interruption_comes_and_goes(store: Store) -> None:
    begun = a_recording("recording")
    cut = msgspec.structs.replace(begun, state="interrupted")
    await store.save_contact(a_record(recording=begun))
    for known in (cut, begun, cut):
        await store.save_recording(ACME, "contact-1", known)
        assert await stored(store) == known


@pytest.mark.parametrize("other", [RIVAL, NAMESAKE])
async def test_the_same_contact_of_another_tenant_has_its_own(store: Store, other: Tenant) -> None:
    for tenant in (ACME, other):
        await store.save_contact(a_record(tenant=tenant))
    await store.save_recording(other, "contact-1", a_recording())
    assert await stored(store) is None


async def test_the_automated_part_has_a_recording_of_its_own(store: Store) -> None:
    ivr = a_recording("sealed", id="ef" * 16, key="ivr.wav", type="IVR")
    await store.save_contact(a_record(recording=a_recording(), ivr_recording=ivr))
    record = await store.contact(ACME, "contact-1")
    assert record is not None
    assert (record.recording, record.ivr_recording) == (a_recording(), ivr)


async def test_what_was_done_to_recordings_is_kept_with_the_contact(store: Store) -> None:
    acts = (RecordingAct(1.0, "SUSPEND", "AGENT", "user-1"), RecordingAct(2.0, "SECURE_RESUME", "IVR", "digits"))
    await store.save_contact(a_record(recording_acts=acts))
    record = await store.contact(ACME, "contact-1")
    assert record is not None and record.recording_acts == acts
