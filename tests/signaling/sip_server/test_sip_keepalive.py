"""Keep-alives on real connections: a peer that answers them, one that stops, and one that never did."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from signaling.sip_server.sip_keepalive import KeepAlive

PONG = b"\r\n"


class Ours(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.alive = KeepAlive(transport, 0.05, 0.05)

    def data_received(self, data: bytes) -> None:
        self.alive.heard(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.alive.stop()
        self.lost.set_result(None)


class Peer:
    """Answers so many pings, each with these octets."""

    def __init__(self, answers: int, octets: bytes = PONG) -> None:
        self.pings = 0
        self.enough = asyncio.Event()
        self._answers, self._octets = answers, octets

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readexactly(4) == b"\r\n\r\n":
                self.pings += 1
                if self.pings <= self._answers:
                    writer.write(self._octets)
                if self.pings >= 4:
                    self.enough.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def connected(peer: Peer) -> AsyncIterator[Ours]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    async with server:
        _, ours = await asyncio.get_running_loop().create_connection(Ours, *server.sockets[0].getsockname())
        try:
            yield ours
        finally:
            ours.transport.close()
            await ours.lost


async def test_a_peer_that_answers_is_pinged_again_and_again() -> None:
    peer = Peer(1000)
    async with asyncio.timeout(15), connected(peer) as ours:
        await peer.enough.wait()
        assert not ours.lost.done()


async def test_a_peer_that_stops_answering_is_gone() -> None:
    peer = Peer(2)
    async with asyncio.timeout(15), connected(peer) as ours:
        await ours.lost
    assert peer.pings == 3


@pytest.mark.parametrize(("answers", "octets"), [(0, PONG), (2, b"OPTIONS sip:x SIP/2.0\r\n")])
async def test_a_peer_that_does_not_know_of_it_is_left_alone(answers: int, octets: bytes) -> None:
    peer = Peer(answers, octets)
    async with asyncio.timeout(15), connected(peer) as ours:
        await peer.enough.wait()
        assert not ours.lost.done()
