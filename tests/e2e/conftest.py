from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Playwright, async_playwright

from tests.e2e.node import Node


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """One node with two workers for the tests of a module."""
    with Node(rtp_ports=(20000, 20399), workers=2) as running:
        yield running


@pytest.fixture
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        yield running
