from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signaling.store import Store
from tests.signaling.api.house import House, a_house
from tests.signaling.store.samples import ACME, NAMESAKE, RIVAL, Clock, a_store_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    async with a_store_of(tmp_path, (ACME, RIVAL, NAMESAKE), ("ada", "sam", "max", "quinn"), clock) as store:
        yield store


@pytest.fixture
async def house(store: Store, clock: Clock, tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(store, clock, tmp_path / "console") as house:
        yield house
