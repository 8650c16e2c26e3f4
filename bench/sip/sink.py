"""Where the sound of all calls goes: nothing is kept of it but whose it was."""

import asyncio
import contextlib
import socket

BATCH = 256
LOOK_SECONDS = 0.02
HEADER = 12
SSRC = slice(8, 12)


class Sink:
    """`async with Sink(host) as sink`; `sources`: the SSRCs that were heard."""

    def __init__(self, host: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        self.sources: set[bytes] = set()
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Sink":
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        self._socket.close()

    async def _look(self) -> None:
        """In turns, and not packet by packet: the load needs the time."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(BlockingIOError):
                for _ in range(BATCH):
                    packet = self._socket.recv(HEADER)
                    # RTP, and no RTCP (RFC 5761 §4).
                    if len(packet) == HEADER and packet[0] >> 6 == 2 and not 64 <= packet[1] & 0x7F < 96:
                        self.sources.add(packet[SSRC])
