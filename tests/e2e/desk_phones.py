"""Agents who take calls on a phone of others, with their page beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.node import unverified
from bench.softphone.client import Client, fetch_token
from tests.e2e.node import Node
from tests.e2e.plan import PASSWORD

SECONDS = 15


class PageBeside:
    """The page of an agent without any sound. What it was told last is kept."""

    def __init__(self) -> None:
        self.client = Client(self._notify)
        self.agent: dict[str, Any] = {}
        self.contact: dict[str, Any] = {}
        self.states: list[str] = []
        self._news = asyncio.Event()

    def _notify(self, method: str, params: dict[str, Any]) -> None:
        self.agent = params.get("agent", self.agent)
        if method == "contact.changed":
            self.contact = params["contact"]
            self.states.append(self.contact["state"])
        self._news.set()

    async def until(self, *states: str) -> None:
        """The contact is in one of them."""
        async with asyncio.timeout(SECONDS):
            while self.contact.get("state") not in states:
                self._news.clear()
                await self._news.wait()

    async def use_phone(self) -> None:
        """Once one is registered."""
        async with asyncio.timeout(SECONDS):
            while "phone" not in self.agent["endpoints"]:
                self._news.clear()
                await self._news.wait()
        await self.client.ask("agent.setEndpoint", endpoint="phone")
        await self.client.ask("agent.setStatus", status="Available")

    async def ask(self, method: str, **more: Any) -> None:
        await self.client.ask(method, contactId=self.contact["contactId"], **more)


@asynccontextmanager
async def page_of(node: Node, username: str) -> AsyncIterator[PageBeside]:
    tls = unverified()
    sign_in = {"instance": "acme", "username": username, "password": PASSWORD}
    url, token = await fetch_token(node.console.rstrip("/"), sign_in, tls)
    page = PageBeside()
    snapshot = await page.client.open(url, token, tls)
    page.agent = snapshot["agent"]
    try:
        yield page
    finally:
        await page.client.close()
