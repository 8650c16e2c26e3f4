from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signaling.store import Store
from tests.signaling.api.house import House, a_house
from tests.signaling.store.samples import ACME, NAMESAKE, PASSWORD, RIVAL, Clock, a_directory, a_store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    async with a_store(tmp_path, clock) as store:
        for tenant in (ACME, RIVAL, NAMESAKE):
            await store.save_directory(a_directory(tenant), {name: PASSWORD for name in ("ada", "sam", "max", "quinn")})
        yield store


@pytest.fixture
async def house(store: Store, clock: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(store, clock, tmp_path / "console") as house:
        yield house
