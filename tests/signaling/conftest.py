import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

SHELLS = {"test_sip_io.py"}
"""Tests of what deals with raw sockets and TLS: the node runs on uvloop, which reads ahead where asyncio does not."""


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    asyncio_only = {"asyncio": asyncio.new_event_loop}
    return asyncio_only | {"uvloop": uvloop.new_event_loop} if item.path.name in SHELLS else asyncio_only
