"""Phones that others made, sipp among them, and agents without a browser for them to talk to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from bench.call.codecs import PCMA, PCMU
from bench.call.ports import Address, Port, open_udp
from bench.call.rtp import is_rtcp
from bench.node import unverified
from bench.softphone.agent import SoftphoneAgent
from bench.softphone.client import fetch_token
from signaling.sip.flow import Transport
from tests.e2e.node import Node
from tests.e2e.plan import BOTH, PASSWORD
from tests.support.tones import Samples, tone

SCENARIOS = Path(__file__).parent / "sipp"
SIPP_SECONDS = 15
_TRANSPORTS: dict[Transport, str] = {"udp": "u1", "tcp": "t1"}


@asynccontextmanager
async def softphone(node: Node, username: str, frequency: int) -> AsyncIterator[SoftphoneAgent]:
    """An agent who is Available and says a tone. What went wrong at his side fails the test."""
    tls = unverified()
    sign_in = {"instance": "acme", "username": username, "password": PASSWORD}
    url, token = await fetch_token(node.console.rstrip("/"), sign_in, tls)
    async with SoftphoneAgent(url, token, tls, frequency, node.addresses.host) as agent:
        yield agent
    assert agent.failures == []


async def connected(agent: SoftphoneAgent) -> None:
    async with asyncio.timeout(10):
        await agent.connected.wait()


async def over(agent: SoftphoneAgent) -> None:
    """Until the agent's contact has ended and is cleared."""
    async with asyncio.timeout(10):
        await agent.over.wait()


def heard_by(agent: SoftphoneAgent) -> tuple[Samples, int]:
    assert agent.peer is not None, "no contact yet"
    return agent.peer.heard


class Sipp:
    """One call by one scenario: a file of ours, or one of sipp's own (`built_in`).

    `pause`: the length of each pause without one of its own, in seconds; `more`: further arguments.
    `async with Sipp(…) as sipp: await sipp.done()`"""

    def __init__(
        self,
        node: Node,
        folder: Path,
        scenario: str,
        transport: Transport = "udp",
        pause: float = 0.0,
        built_in: bool = False,
        more: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._scenario = scenario
        self._messages = folder / f"{scenario}-{transport}.messages"
        self._errors = folder / f"{scenario}-{transport}.errors"
        host = node.addresses.host
        source = f"-sn {scenario}" if built_in else f"-sf {SCENARIOS}/{scenario}.xml"
        where = f"-s {BOTH} -i {host} -mi {host} -t {_TRANSPORTS[transport]}"
        limits = f"-m 1 -d {round(1000 * pause)} -timeout {SIPP_SECONDS}s -timeout_error -nostdin"
        traces = f"-trace_msg -message_file {self._messages} -trace_err -error_file {self._errors}"
        words = f"{source} {where} {limits} {traces}".split()
        self._arguments = [*words, *more, f"{host}:{node.addresses.sip}"]

    async def __aenter__(self) -> "Sipp":
        self._process = await asyncio.create_subprocess_exec(
            "/usr/bin/sipp",
            *self._arguments,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def done(self) -> str:
        """Until the scenario is through, every step as it must be; all messages, sent and received."""
        status = await self._process.wait()
        messages, errors = (
            path.read_text(errors="replace") if path.exists() else "" for path in (self._messages, self._errors)
        )
        assert status == 0, f"sipp's {self._scenario} failed with {status}:\n{errors}\n{messages}"
        return messages


def write_voice(folder: Path, frequency: float, law: str) -> None:
    """What scenarios say: a whole number of seconds of a tone in `voice.raw`, repeated without a seam."""
    encoder = {"PCMA": PCMA, "PCMU": PCMU}[law].make_encoder()
    (folder / "voice.raw").write_bytes(encoder.encode(tone(frequency, 1.0, 8000)))


class Ear:
    """A port that hears mu-law and says nothing: what came when, on the clock of the loop."""

    def __init__(self, host: str) -> None:
        self._port = Port(open_udp(host, 0), self._receive)
        self.number = self._port.address[1]
        self._decoder = PCMU.make_decoder()
        self._heard: list[tuple[float, Samples]] = []

    def __enter__(self) -> "Ear":
        return self

    def __exit__(self, *_: object) -> None:
        self._port.close()

    def _receive(self, data: bytes, source: Address, arrival: float) -> None:
        if not is_rtcp(data):
            self._heard.append((arrival, self._decoder.decode(data[12:])))

    def heard(self) -> Samples:
        """All of it, without the gaps."""
        return np.concatenate([samples for _, samples in self._heard])

    def around_longest_gap(self) -> tuple[Samples, float, Samples]:
        """What came before it, its length in seconds, what came after it."""
        arrivals = np.array([arrival for arrival, _ in self._heard])
        gaps = np.diff(arrivals)
        at = int(np.argmax(gaps)) + 1
        sounds = [samples for _, samples in self._heard]
        return np.concatenate(sounds[:at]), float(gaps[at - 1]), np.concatenate(sounds[at:])
