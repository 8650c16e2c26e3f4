"""An agent that is always there: goes Available, accepts what is offered, says a tone, clears when it is over."""

import asyncio
import contextlib
import ssl
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

from bench.call.errors import CallError
from bench.softphone.client import Client, Refused
from bench.softphone.peer import Peer
from vault.pii import Pii


class SoftphoneAgent:
    """`async with SoftphoneAgent(url, token, tls, frequency) as agent: await agent.connected.wait()`."""

    def __init__(self, url: str, token: Pii[str], tls: ssl.SSLContext, frequency: int, host: str = "127.0.0.1") -> None:
        self._where = (url, token, tls)
        self._frequency = frequency
        self._host = host
        self._client = Client(self._notify)
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepted: set[str] = set()
        self._cleared: set[str] = set()
        self.peer: Peer | None = None
        """The media of the last contact."""
        self.contact: dict[str, Any] = {}
        """The last contact as the server last told it."""
        self.connected = asyncio.Event()
        """The contact's sound can flow."""
        self.over = asyncio.Event()
        """The contact has ended and is cleared, or could not be: see `failures`."""
        self.failures: list[str] = []
        self.served: list[tuple[str, Peer]] = []
        """The customer's number and the media of each contact that was accepted."""

    async def __aenter__(self) -> "SoftphoneAgent":
        await self._client.open(*self._where)
        await self._client.ask("agent.setStatus", status="Available")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.peer is not None:
            self.peer.close()
        await self._client.close()

    async def dial(self, number: str) -> str:
        """Places a call and connects the sound; the contact. Raises Refused."""
        contact = str((await self._client.ask("contact.dial", number=number))["contactId"])
        self.peer = Peer(self._host, self._frequency, self._note)
        answer = await self._client.ask("media.renew", contactId=contact, sdp=self.peer.offer)
        self.peer.connect(answer["sdp"])
        await self.peer.up.wait()
        self.connected.set()
        return contact

    async def come_back(self) -> None:
        """Resumes the session after the server's end, and takes the contact as it is told now. Raises Unreachable,
        Refused."""
        url, _, tls = self._where
        before, self._client = self._client, Client(self._notify)
        await before.close()
        snapshot = await self._client.resume(url, before, tls)
        self.contact = {}
        for contact in snapshot["contacts"]:
            self._notify("contact.changed", {"contact": contact})

    async def hang_up(self) -> None:
        """Raises Refused."""
        await self._client.ask("contact.hangup", contactId=self.contact["contactId"])

    async def hold(self, on: bool) -> None:
        """Puts the customer on hold, or takes him back. Raises Refused."""
        await self._client.ask("contact.hold", contactId=self.contact["contactId"], on=on)

    async def transfer(self, quick_connect: str) -> None:
        """Asks another one into the call. Raises Refused."""
        await self._client.ask("contact.transfer", contactId=self.contact["contactId"], quickConnectId=quick_connect)

    async def mute(self, on: bool) -> None:
        """Raises Refused."""
        await self._client.ask("contact.mute", contactId=self.contact["contactId"], on=on)

    def _notify(self, method: str, params: dict[str, Any]) -> None:
        if method != "contact.changed":
            return
        self.contact = params["contact"]
        contact, state = self.contact["contactId"], self.contact["state"]
        if state == "INCOMING" and contact not in self._accepted:
            self._accepted.add(contact)
            self._spawn(self._accept(contact))
        elif state in ("ENDED", "MISSED", "ERROR") and contact not in self._cleared:
            self._cleared.add(contact)
            self._spawn(self._clear(contact))

    async def _accept(self, contact: str) -> None:
        self.peer = Peer(self._host, self._frequency, self._note)
        self.served.append((str(self.contact.get("customer", "")), self.peer))
        answer = await self._client.ask("contact.accept", contactId=contact, sdp=self.peer.offer)
        self.peer.connect(answer["sdp"])
        await self.peer.up.wait()
        self.connected.set()

    async def _clear(self, contact: str) -> None:
        if self.peer is not None:
            self.peer.close()
        try:
            await self._client.ask("contact.clear", contactId=contact)
        finally:
            self.over.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await work
            except (Refused, CallError, ValueError) as error:
                self._note(error)

    def _note(self, error: Exception) -> None:
        self.failures.append(str(error))
