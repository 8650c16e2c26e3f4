"""The signalling of a softphone: sign-in over HTTPS, then docs/softphone.md over a WebSocket."""

import asyncio
import contextlib
import itertools
import json
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
import websockets
from websockets.asyncio.client import ClientConnection, connect

from bench.call.errors import Unreachable
from vault.pii import Pii

SUBPROTOCOL = "telephonist.v1"
Notify = Callable[[str, dict[str, Any]], None]


class Refused(Exception):
    """The server answered a request with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Client:
    """One session. Notifications come to `notify(method, params)`, in order."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self.session: dict[str, str] = {}
        """What it is resumed by."""

    async def open(self, url: str, token: Pii[str], tls: ssl.SSLContext) -> dict[str, Any]:
        """Returns the snapshot. Raises Unreachable, Refused."""
        return await self._enter(url, tls, token=token.reveal())

    async def resume(self, url: str, before: "Client", tls: ssl.SSLContext) -> dict[str, Any]:
        """Goes on with the session of a client whose connection is gone. Likewise."""
        return await self._enter(url, tls, resume=before.session)

    async def _enter(self, url: str, tls: ssl.SSLContext, **how: Any) -> dict[str, Any]:
        try:
            self._socket = await connect(url, subprotocols=[websockets.Subprotocol(SUBPROTOCOL)], ssl=tls, proxy=None)
        except (OSError, websockets.WebSocketException) as error:
            raise Unreachable(f"the softphone server cannot be reached: {error}") from None
        self._reading = asyncio.get_running_loop().create_task(self._read(self._socket))
        result = await self.ask("session.open", **how)
        self.session = {"session": result["session"], "secret": result["secret"]}
        snapshot: dict[str, Any] = result["snapshot"]
        return snapshot

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Raises Refused; Unreachable when the connection is cut."""
        assert self._socket is not None, "open() comes first"
        number = next(self._ids)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            await self._socket.send(json.dumps(request))
            return await future
        except websockets.ConnectionClosed as error:
            future.cancel()
            raise Unreachable(f"the softphone server closed the connection: {error}") from None
        finally:
            del self._waiting[number]

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await self._reading

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in socket:
                self._take(json.loads(text))
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Unreachable("the softphone server closed the connection"))

    def _take(self, message: dict[str, Any]) -> None:
        if "method" in message:
            self._notify(message["method"], message["params"])
            return
        future = self._waiting.get(message.get("id", 0))
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(Refused(message["error"]["code"], message["error"]["message"]))
        else:
            future.set_result(message["result"])


async def fetch_token(console: str, sign_in: dict[str, str], tls: ssl.SSLContext) -> tuple[str, Pii[str]]:
    """The WebSocket's address and a token for it; `sign_in`: instance, username, password. Raises Unreachable."""
    jar = aiohttp.CookieJar(unsafe=True)  # the server's name is an IP address
    try:
        async with aiohttp.ClientSession(console, cookie_jar=jar, raise_for_status=True) as session:
            async with session.post("/sign-in", json=sign_in, ssl=tls):
                pass
            async with session.post("/softphone/token", json={}, ssl=tls) as response:
                answer = await response.json()
    except aiohttp.ClientError as error:
        raise Unreachable(f"no token from {console}: {error}") from None
    return answer["url"], Pii(answer["token"])
