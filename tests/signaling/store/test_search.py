import asyncio
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.center.record import QueueInfo
from signaling.center.resources import Tenant
from signaling.store import ContactQuery, InvalidQuery, Page, Store, search
from signaling.store.search import WINDOW, read_token
from tests.signaling.store.samples import ACME, DAY, NAMESAKE, NOON, NUMBER, RIVAL, a_record
from vault.pii import Pii


def a_query(**changes: Any) -> ContactQuery:
    return msgspec.structs.replace(ContactQuery(NOON - DAY, NOON + DAY), **changes)


def ids(page: Page) -> list[str]:
    return [record.contact for record in page.contacts]


async def test_newest_first_within_the_time_range(store: Store) -> None:
    for name, at in (("before", -1.0), ("start", 0.0), ("middle", 5.0), ("end", 10.0)):
        await store.save_contact(a_record(name, initiated=NOON + at))
    page = await store.search(ACME, ContactQuery(NOON, NOON + 10))
    assert ids(page) == ["middle", "start"] and page.total == 2 and page.token is None


async def test_each_condition_narrows(store: Store) -> None:
    await store.save_contact(a_record("one"))
    await store.save_contact(a_record("two", queue=QueueInfo("queue-2", "Sales", NOON), agent=None))
    await store.save_contact(a_record("three", initiation_method="OUTBOUND", customer=Pii("anonymous")))
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"queues": ("queue-1",)}, {"one", "three"}),
        ({"queues": ("queue-1", "queue-2")}, {"one", "two", "three"}),
        ({"agents": ("user-1",)}, {"one", "three"}),
        ({"methods": ("OUTBOUND",)}, {"three"}),
        ({"number": Pii(NUMBER)}, {"one", "two"}),
        ({"number": Pii("Anonymous")}, {"three"}),
        ({"number": Pii("+4917198765")}, set()),
        ({"number": Pii(NUMBER), "agents": ("user-1",)}, {"one"}),
    ]
    for conditions, expected in cases:
        assert set(ids(await store.search(ACME, a_query(**conditions)))) == expected, conditions


@pytest.mark.parametrize("notation", ["+491719876543", "491719876543", "+49 171 9876-543", "+49 (171) 987.65/43"])
async def test_a_number_is_found_however_it_is_written(store: Store, notation: str) -> None:
    await store.save_contact(a_record())
    assert ids(await store.search(ACME, a_query(number=Pii(notation)))) == ["contact-1"]


@pytest.mark.parametrize("other", [RIVAL, NAMESAKE])
async def test_nobody_finds_anothers_contacts(store: Store, other: Tenant) -> None:
    await store.save_contact(a_record("theirs", other))
    await store.save_contact(a_record("ours", ACME))
    for query in (a_query(), a_query(number=Pii(NUMBER)), a_query(queues=("queue-1",)), a_query(agents=("user-1",))):
        page = await store.search(ACME, query)
        assert ids(page) == ["ours"] and page.total == 1


async def test_pages_have_each_contact_once_while_new_ones_come(store: Store) -> None:
    order = random.Random(7)
    times = {f"contact-{number}": NOON + order.randrange(5) for number in range(23)}
    await asyncio.gather(*(store.save_contact(a_record(name, initiated=at)) for name, at in times.items()))
    seen, token = list[str](), None
    while True:
        page = await store.search(ACME, a_query(limit=5, token=token))
        seen += ids(page)
        if page.token is None:
            break
        token = page.token
        await store.save_contact(a_record(f"late-{len(seen)}", initiated=NOON + 60))
    assert seen == sorted(times, key=lambda name: (times[name], name), reverse=True)


async def test_a_page_that_ends_the_search_has_no_token(store: Store) -> None:
    for number in range(4):
        await store.save_contact(a_record(f"contact-{number}"))
    first = await store.search(ACME, a_query(limit=2))
    last = await store.search(ACME, a_query(limit=2, token=first.token))
    assert len(last.contacts) == 2 and last.token is None


async def test_a_search_shows_the_first_ten_thousand(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "RESULTS", 7)
    monkeypatch.setattr("signaling.store.store.RESULTS", 7)
    for number in range(9):
        await store.save_contact(a_record(f"contact-{number}"))
    pages = [await store.search(ACME, a_query(limit=4))]
    while token := pages[-1].token:
        pages.append(await store.search(ACME, a_query(limit=4, token=token)))
    assert [len(page.contacts) for page in pages] == [4, 3] and pages[0].total == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"end": NOON - DAY + WINDOW + 1},
        {"end": NOON - DAY - 1},
        {"end": float("nan")},
        {"end": float("inf")},
        {"limit": 0},
        {"limit": 101},
        {"token": "AAAA"},
    ],
)
async def test_bad_queries_are_refused(store: Store, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery):
        await store.search(ACME, a_query(**changes))


@given(st.text() | st.binary().map(lambda data: data.hex()) | st.from_regex(r"[A-Za-z0-9_-]*={0,2}", fullmatch=True))
def test_rubbish_is_no_token(token: str) -> None:
    with pytest.raises(InvalidQuery):
        read_token(token)
