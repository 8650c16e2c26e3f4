"""A relay worker as a real process, and an RTP peer to call it with."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ipc.client import Client
from ipc.messages import Command
from ipc.process import HEARTBEAT_FD, wait_until_ready
from relay import api
from relay.codecs import g711
from relay.streams.rtp import RtpPacket, parse, serialize
from relay.transport.srtp import Srtp

Event = TypeVar("Event", bound=api.Events)
Found = TypeVar("Found", bound=api.LegUp | api.LegDown | api.PlayerEnded | api.Digit | api.MaskedDigit)
ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "127.0.0.1"


class WorkerProcess:
    """`ask` sends commands; `expect` awaits an event of a type."""

    def __init__(self, process: asyncio.subprocess.Process, control: Path) -> None:
        self.process = process
        self.control = control
        self.events: asyncio.Queue[Any] = asyncio.Queue()
        self.client = Client(api.Answers, api.Events, self.events.put_nowait)
        self._peers: list[RtpPeer] = []

    async def rtp_peer(self, ssrc: int, srtp: Srtp | None = None) -> "RtpPeer":
        loop = asyncio.get_running_loop()
        transport, peer = await loop.create_datagram_endpoint(lambda: RtpPeer(ssrc, srtp), local_addr=(ADDRESS, 0))
        peer.transport = transport
        self._peers.append(peer)
        return peer

    async def close(self) -> None:
        """The control plane goes, and all peers."""
        await self.client.close()
        for peer in self._peers:
            peer.transport.close()

    async def connect(self) -> None:
        await self.client.connect(self.control)

    async def ask(self, command: Command[Any]) -> Any:
        return await self.client.ask(command)

    async def expect(self, kind: type[Found], seconds: float = 5.0) -> Found:
        """The next event of that type; others before it are dropped."""
        async with asyncio.timeout(seconds):
            while not isinstance(event := await self.events.get(), kind):
                continue
        return event


@contextlib.asynccontextmanager
async def worker(folder: Path, *arguments: str) -> AsyncIterator[WorkerProcess]:
    """Started, ready and connected; terminated at the end, and its status is 0 unless it was killed."""
    reading, writing = os.pipe()
    first = free_ports()
    control = folder / "control.sock"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relay", "--worker", "t", "--control", str(control), "--tap", str(folder / "tap.sock"),
        "--rtp-ports", f"{first}-{first + 39}", *arguments,
        cwd=ROOT, env={**os.environ, HEARTBEAT_FD: str(writing)}, pass_fds=(writing,),
    )  # fmt: skip
    os.close(writing)
    running = WorkerProcess(process, control)
    try:
        assert await asyncio.to_thread(wait_until_ready, reading)
        await running.connect()
        yield running
    finally:
        await running.close()
        if process.returncode is None:
            process.terminate()
        status = await asyncio.wait_for(process.wait(), 10)
        os.close(reading)
    assert status in (0, -9)


def free_ports() -> int:
    """The first of forty ports that are free now, or nearly so."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((ADDRESS, 0))
        return min(max(int(probe.getsockname()[1]) & ~1, 20000), 60000)


class RtpPeer(asyncio.DatagramProtocol):
    """Sends a PCMU tone, keeps what it hears. `srtp` protects both ways."""

    transport: asyncio.DatagramTransport

    def __init__(self, ssrc: int, srtp: Srtp | None = None) -> None:
        self.ssrc = ssrc
        self.srtp = srtp
        self.heard: list[RtpPacket] = []
        self.refused = 0
        self.sequence = 1000
        self.arrived = asyncio.Event()

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: Any) -> None:
        try:
            clear = data if self.srtp is None else self.srtp.unprotect(data)
        except ValueError:
            self.refused += 1
            return
        self.heard.append(parse(clear))
        self.arrived.set()

    def send(self, payload: bytes, to: tuple[str, int], payload_type: int = 0) -> bytes:
        """The datagram that was sent."""
        packet = RtpPacket(payload_type, False, self.ssrc, self.sequence, self.sequence * 160, payload)
        self.sequence += 1
        data = serialize(packet) if self.srtp is None else self.srtp.protect(serialize(packet))
        self.transport.sendto(data, to)
        return data

    async def talk(self, samples: np.ndarray[Any, np.dtype[np.int16]], to: tuple[str, int]) -> None:
        """Sends the samples in real time."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number, start in enumerate(range(0, len(samples) - 159, 160)):
            self.send(g711.encode("PCMU", samples[start : start + 160]).tobytes(), to)
            await asyncio.sleep(max(0.0, begun + (number + 1) * 0.02 - loop.time()))

    def samples(self) -> np.ndarray[Any, np.dtype[np.int16]]:
        """What was heard, in order, without a care for loss."""
        frames = [g711.decode_bytes("PCMU", packet.payload) for packet in self.heard if packet.payload_type == 0]
        return np.concatenate(frames) if frames else np.zeros(0, np.int16)


def offer(port: int, *attributes: str, protocol: str = "RTP/AVP", formats: str = "0 101") -> str:
    lines = [
        "v=0", f"o=- 1 1 IN IP4 {ADDRESS}", "s=-", f"c=IN IP4 {ADDRESS}", "t=0 0",
        f"m=audio {port} {protocol} {formats}",
        "a=rtpmap:101 telephone-event/8000", *attributes,
    ]  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines)


def media_port(sdp: str) -> int:
    return int(next(line for line in sdp.splitlines() if line.startswith("m=audio")).split()[1])
