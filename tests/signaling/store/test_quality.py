from relay.api import Flow
from signaling.center.record import QualityInfo
from signaling.store import Store
from tests.signaling.store.samples import ACME, RIVAL, a_record

FLOW = Flow(500, 5, 2.0, None, 4.2, 4.0)
CUSTOMER = QualityInfo("customer", "PCMU/8000", FLOW, None, ("silence",))
AGENT = QualityInfo("agent", "opus/48000", FLOW, FLOW)


async def stored(store: Store) -> tuple[QualityInfo, ...]:
    record = await store.contact(ACME, "contact-1")
    assert record is not None
    return record.quality


async def test_how_the_sides_sounded_is_found_in_the_record_whichever_came_first(store: Store) -> None:
    await store.save_quality(ACME, "contact-1", CUSTOMER)
    await store.save_contact(a_record())
    assert await stored(store) == (CUSTOMER,)
    await store.save_quality(ACME, "contact-1", AGENT)
    await store.save_contact(a_record())
    assert await stored(store) == (AGENT, CUSTOMER)


async def test_a_later_leg_of_a_side_takes_the_place_of_an_earlier_one(store: Store) -> None:
    await store.save_contact(a_record())
    later = QualityInfo("agent", "opus/48000", FLOW)
    for info in (AGENT, later):
        await store.save_quality(ACME, "contact-1", info)
    assert await stored(store) == (later,)


async def test_the_same_contact_of_another_tenant_has_its_own(store: Store) -> None:
    await store.save_contact(a_record())
    await store.save_contact(a_record(tenant=RIVAL))
    await store.save_quality(RIVAL, "contact-1", AGENT)
    assert await stored(store) == ()
