from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signaling.store import Store
from tests.signaling.store.samples import ACME, NAMESAKE, RIVAL, Clock, a_store_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """With the instances ACME, RIVAL and NAMESAKE."""
    async with a_store_of(tmp_path, (ACME, RIVAL, NAMESAKE), ("ada", "sam"), clock) as store:
        yield store
