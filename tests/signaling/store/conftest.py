from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from signaling.store import Store
from tests.signaling.store.samples import ACME, NAMESAKE, PASSWORD, RIVAL, Clock, a_directory, a_store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """With the instances ACME, RIVAL and NAMESAKE."""
    async with a_store(tmp_path, clock) as store:
        for tenant in (ACME, RIVAL, NAMESAKE):
            await store.save_directory(a_directory(tenant), {"ada": PASSWORD, "sam": PASSWORD})
        yield store
