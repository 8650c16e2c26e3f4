"""What strangers throw at a node, all of it bounded in number and time. Each returns what it got for it."""

import asyncio
import contextlib
import random
import socket
import ssl

import websockets
from websockets.asyncio.client import connect

from bench.softphone.client import SUBPROTOCOL
from signaling.node.ready import Addresses
from tests.e2e.callers import CALLER
from tests.e2e.plan import BOTH

STRANGER = "127.0.0.9"
"""No trunk's address."""
PAUSE = 0.02
STREAMS = 160
"""More connections than strangers are given."""
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
FIRST_BYTES = (0, 1, 3, 20, 22, 23, 63, 128, 144, 191, 200, 255)
"""STUN, DTLS, RTP and none of them (RFC 7983)."""
SIZES = (1, 2, 12, 20, 28, 100, 172, 1200, 2047, 2049, 9000, 60_000)


def invite(via: str, more: str = "") -> bytes:
    head = (
        f"INVITE sip:{BOTH}@127.0.0.1 SIP/2.0\r\nVia: {via}\r\nFrom: <sip:x@x.test>;tag=1\r\nTo: <sip:y@y.test>\r\n"
        f"Call-ID: attack\r\nCSeq: 1 INVITE\r\nContact: <sip:x@{STRANGER}>\r\nContent-Type: application/sdp\r\n{more}"
    )
    return f"{head}Content-Length: {len(SDP)}\r\n\r\n{SDP}".encode()


def open_socket(host: str = STRANGER) -> socket.socket:
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.setblocking(False)
    endpoint.bind((host, 0))
    return endpoint


async def sip_datagrams(addresses: Addresses, seed: int = 1) -> set[str]:
    """Mutated, truncated and costly INVITEs; the statuses that came back."""
    rng, to = random.Random(seed), (addresses.host, addresses.sip)
    costly = invite("SIP/2.0/UDP a;branch=z9hG4bKa", "".join("Via: " + "a," * 4000 + "\r\n" for _ in range(7)))
    with open_socket() as endpoint:
        good = invite(f"SIP/2.0/UDP {STRANGER}:{endpoint.getsockname()[1]};branch=z9hG4bKx;rport")
        for number in range(600):
            bad = bytearray(good[: rng.choice((len(good), rng.randrange(1, len(good))))])
            for _ in range(rng.randrange(4)):
                bad[rng.randrange(len(bad))] = rng.randrange(256)
            for datagram in (bytes(bad), costly) if number % 3 == 0 else (bytes(bad),):
                with contextlib.suppress(OSError):
                    endpoint.sendto(datagram, to)
            if number % 20 == 0:
                await asyncio.sleep(PAUSE)
        await asyncio.sleep(0.5)
        return _statuses(endpoint)


def _statuses(endpoint: socket.socket) -> set[str]:
    found = set()
    with contextlib.suppress(BlockingIOError):
        while True:
            found.add(endpoint.recv(65536).split()[1].decode())
    return found


async def sip_streams(addresses: Addresses) -> bytes:
    """Strangers hold connections and flood some of them; what a trunk gets for its keep-alive meanwhile."""
    opened = [await _stream(addresses, STRANGER if number % 2 else "127.0.0.10") for number in range(STREAMS)]
    for (_, writer), flood in zip(
        opened, (b"\n" * 200_000, b"\r\n\r\n" * 50_000, b"l:0\r\n\r\n" * 20_000), strict=False
    ):
        writer.write(flood)
    reader, trunk = await _stream(addresses, "127.0.0.1")
    trunk.write(b"\r\n\r\n")
    try:
        async with asyncio.timeout(5):
            return await reader.read(2)
    finally:
        for _, writer in (*opened, (reader, trunk)):
            writer.transport.abort()


async def _stream(addresses: Addresses, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(addresses.host, addresses.sip, local_addr=(host, 0))


def garbage(seed: int, count: int) -> list[bytes]:
    rng = random.Random(seed)
    return [bytes((rng.choice(FIRST_BYTES),)) + rng.randbytes(rng.choice(SIZES) - 1) for _ in range(count)]


async def media(ports: list[tuple[str, int]]) -> None:
    """Garbage for media ports, from an address that nobody told of."""
    with open_socket() as endpoint:
        for number, datagram in enumerate(garbage(2, 600)):
            for port in ports:
                with contextlib.suppress(OSError):
                    endpoint.sendto(datagram, port)
            if number % 5 == 0:
                await asyncio.sleep(PAUSE / 4)


HOST = b"Host: 127.0.0.1\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
HTTP = {
    b"GET /../../../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n": 404,
    b"GET /..%2f..%2ftelephonist.sqlite HTTP/1.1\r\n" + HOST + b"\r\n": 404,
    b"GET /recordings/..%2f..%2fkeys/audio HTTP/1.1\r\n" + HOST + b"\r\n": 401,
    b"GET /recordings/x/audio HTTP/1.1\r\n" + HOST + b"Cookie: __Host-telephonist=AAAA\r\n\r\n": 401,
    b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n": 405,
    b"GET / HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 5000 + b"\r\n": 400,
    b"GET / HTTP/1.1\r\n" + HOST + b"a: " + b"x" * 100_000 + b"\r\n\r\n": 400,
    b"\x00\xff" * 100: 400,
    b"GET / HTTP/1.1\r\n" + HOST + b"Cookie: " + CALLER.encode() + b"\x00\r\n\r\n": 400,
    b"POST /sign-in HTTP/1.1\r\n" + JSON + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
    b"POST /sign-in HTTP/1.1\r\n" + JSON + b"Content-Length: 2000000\r\n\r\n" + b"x" * 2_000_000: 413,
    b"POST /sign-in HTTP/1.1\r\n" + JSON + b"Content-Length: 400000\r\n\r\n" + b"[" * 400_000: 400,
    b"POST /sign-in HTTP/1.1\r\n" + JSON + b"Origin: https://evil.test\r\nContent-Length: 2\r\n\r\n{}": 403,
}
"""Requests and the status that each must get."""


async def http(addresses: Addresses, tls: ssl.SSLContext) -> dict[bytes, int]:
    """The status of each request of HTTP."""
    return {request: await _status_of(addresses, tls, request) for request in HTTP}


async def _status_of(addresses: Addresses, tls: ssl.SSLContext, request: bytes) -> int:
    reader, writer = await asyncio.open_connection(addresses.host, addresses.http, ssl=tls)
    try:
        writer.write(request)
        async with asyncio.timeout(5):
            return int((await reader.readline()).split()[1])
    finally:
        writer.transport.abort()


FIRST_MESSAGES: tuple[str | bytes, ...] = (
    "",
    b"x",
    "[" * 60_000,
    "x" * 70_000,
    '{"jsonrpc":"2.0","id":1,"method":"session.open","params":{"token":"guess"}}',
    '{"jsonrpc":"2.0","id":1,"method":"session.open","params":{"session":"s","secret":"x","seq":0}}',
    '{"jsonrpc":"2.0","id":1,"method":"contact.hangup","params":{"contactId":"x"}}',
)


async def softphones(addresses: Addresses, tls: ssl.SSLContext) -> set[int | None]:
    """With which codes those are closed who begin otherwise than by a good token, or come from a foreign page."""
    ways: list[tuple[str | bytes, str | None]] = [(message, None) for message in FIRST_MESSAGES]
    return {await _close_code(addresses, tls, *way) for way in (*ways, (FIRST_MESSAGES[4], "https://evil.test"))}


async def _close_code(
    addresses: Addresses, tls: ssl.SSLContext, message: str | bytes, origin: str | None
) -> int | None:
    url, spoken = f"wss://{addresses.host}:{addresses.softphone}/", [websockets.Subprotocol(SUBPROTOCOL)]
    extra = {"Origin": origin} if origin else {}
    async with connect(url, subprotocols=spoken, ssl=tls, proxy=None, additional_headers=extra) as socket_:
        with contextlib.suppress(websockets.ConnectionClosed):
            await socket_.send(message)
            async with asyncio.timeout(5):
                while True:
                    await socket_.recv()
        return socket_.close_code
