"""A softphone server on a free port and clients for it."""

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from signaling.softphone.protocol import SUBPROTOCOL
from signaling.softphone.server import SoftphoneServer
from signaling.softphone.session import Limits
from tests.signaling.softphone.schema import check
from tests.support.desk import ScriptedDesk
from tests.support.tls import make_certificate

ORIGIN = "https://console.example"
Json = dict[str, Any]


class Phone:
    """A client of the test: requests by method name. Both sides' messages are judged by the schema."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.sent: list[Json] = []

    async def receive(self) -> Json:
        message: Json = json.loads(await self.socket.recv())
        check("fromServer", message)
        return message

    async def call(self, method: str, /, **params: Any) -> Json:
        """Sends a request and returns the next message."""
        self.sent.append({"jsonrpc": "2.0", "id": len(self.sent) + 1, "method": method, "params": params})
        check("fromClient", self.sent[-1])
        await self.socket.send(json.dumps(self.sent[-1]))
        return await self.receive()

    async def sign_in(self, user: str = "u-1") -> Json:
        answer = await self.call("session.open", token=f"token-{user}")
        opened: Json = answer["result"]
        return opened

    async def closed(self) -> int | None:
        """The code of the server's close."""
        await self.socket.wait_closed()
        return self.socket.close_code


class Bench:
    """The server, its desk, and phones that are put away at the end."""

    def __init__(self, port: int, server: SoftphoneServer, desk: ScriptedDesk, client: ssl.SSLContext) -> None:
        self.server = server
        self.desk = desk
        self.port = port
        self._client = client
        self._stack = AsyncExitStack()

    async def phone(self, origin: str | None = ORIGIN, subprotocol: str = SUBPROTOCOL, **options: Any) -> Phone:
        socket = connect(
            f"wss://127.0.0.1:{self.port}/",
            ssl=self._client,
            origin=None if origin is None else Origin(origin),
            subprotocols=[Subprotocol(subprotocol)],
            proxy=None,
            **options,
        )
        return Phone(await self._stack.enter_async_context(socket))

    async def close(self) -> None:
        await self._stack.aclose()
        await self.server.close()


@pytest.fixture(scope="session")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


Start = Callable[..., Awaitable[Bench]]


@pytest.fixture
async def start(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> AsyncIterator[Start]:
    stack = AsyncExitStack()

    async def begin(limits: Limits | None = None, **options: Any) -> Bench:
        desk = ScriptedDesk()
        server = SoftphoneServer(desk, [ORIGIN], limits=limits, **options)
        bench = Bench(await server.start("127.0.0.1", 0, contexts[0]), server, desk, contexts[1])
        stack.push_async_callback(bench.close)
        return bench

    yield begin
    await stack.aclose()


@pytest.fixture
async def bench(start: Start) -> Bench:
    return await start()
