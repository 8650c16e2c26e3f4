"""Strangers at every port while a call goes on: nobody is let in, and neither the call nor its recording notices."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from bench.call.caller import Caller
from bench.node import unverified
from bench.softphone.agent import SoftphoneAgent
from bench.softphone.client import fetch_token
from tests.e2e import attacks
from tests.e2e.callers import CALLER, customer
from tests.e2e.node import Node
from tests.e2e.plan import BOTH, PASSWORD
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import windows_without

CUSTOMER, AGENT = 440.0, 700
STALL = 0.5
"""Seconds that /health may take at worst, beyond what a machine that is shared takes from this process, too."""
PAUSE = 0.02
GROWTH = 60 << 20
"""Octets of memory that all processes together may take more after it."""
WINDOW = 0.2
EDGE = 0.5
"""Seconds at both ends of what was heard that are not judged: the last of it is still on its way."""


class Watch:
    """Asks for /health all the time; `worst` is the longest that it took. Of this process, in which both ends of the
    call are: `late` is the longest that it waited for nothing, and `stolen` how long in all, where it can be heard."""

    def __init__(self, node: Node) -> None:
        self._url = f"{node.console}health"
        self.worst = self.late = self.stolen = 0.0
        self.failures: list[str] = []

    async def run(self) -> None:
        connector = aiohttp.TCPConnector(ssl=False)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(10)) as session:
            while True:
                began = time.monotonic()
                try:
                    async with session.get(self._url) as response:
                        assert response.status == 200
                        await response.read()
                except (aiohttp.ClientError, TimeoutError) as error:
                    self.failures.append(type(error).__name__)
                ended = time.monotonic()
                self.worst = max(self.worst, ended - began)
                await asyncio.sleep(PAUSE)
                late = time.monotonic() - ended - PAUSE
                self.late = max(self.late, late)
                self.stolen += late if late > WINDOW / 4 else 0.0


@contextlib.asynccontextmanager
async def watched(node: Node) -> AsyncIterator[Watch]:
    watch = Watch(node)
    task = asyncio.get_running_loop().create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def memory_of(node: Node) -> dict[int, int]:
    """Resident octets by process."""
    found = {}
    for pid in map(int, Path(f"/proc/{node.process.pid}/task/{node.process.pid}/children").read_text().split()):
        line = next(row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith("VmRSS:"))
        found[pid] = int(line.split()[1]) << 10
    return found


async def attack(node: Node, agent: SoftphoneAgent, caller: Caller) -> None:
    """Everything, one after the other, so that a failure names its cause."""
    addresses, tls = node.addresses, unverified()
    assert await attacks.sip_datagrams(addresses) == {"403"}
    assert await attacks.sip_streams(addresses) == b"\r\n"
    assert agent.peer is not None and agent.peer.remote is not None
    await attacks.media([agent.peer.remote, *caller.remotes])
    for number, datagram in enumerate(attacks.garbage(3, 300)):
        agent.peer.inject(datagram)
        if number % 5 == 0:
            await asyncio.sleep(0.01)
    assert await attacks.http(addresses, tls) == attacks.HTTP
    assert await attacks.softphones(addresses, tls) <= {1002, 1007, 1008, 1009}


async def test_a_call_goes_on_under_attack() -> None:
    with Node(rtp_ports=(21000, 21099)) as node:
        tls = unverified()
        sign_in = {"instance": "acme", "username": "ann", "password": PASSWORD}
        url, token = await fetch_token(node.console, sign_in, tls)
        async with SoftphoneAgent(url, token, tls, AGENT) as agent, Supervisor(node) as supervisor:
            async with customer(node, BOTH, CUSTOMER, srtp="sdes") as caller:
                await caller.answered()
                await agent.connected.wait()
                before, began = memory_of(node), time.monotonic()
                await asyncio.sleep(1.0)
                async with watched(node) as watch:
                    await attack(node, agent, caller)
                after, lasted = memory_of(node), time.monotonic() - began
                assert agent.peer is not None
                heard = [(*caller.heard, AGENT), (*agent.peer.heard, CUSTOMER)]
            await agent.over.wait()
            assert after.keys() == before.keys(), "a process was replaced"
            assert sum(after.values()) - sum(before.values()) < GROWTH
            assert (watch.failures, watch.worst < STALL + 2 * watch.late) == ([], True), watch.worst
            for samples, rate, frequency in heard:
                judged = samples[-int(lasted * rate) : -int(EDGE * rate)][int(EDGE * rate) :]
                assert windows_without(judged, rate, frequency, WINDOW) <= 2 * watch.stolen / WINDOW
            [contact] = await supervisor.contacts()
            recording = (await supervisor.delivered(contact["Id"]))["Telephonist"]["Recording"]
            assert recording["Gaps"] <= 2 * watch.stolen / WINDOW
            assert recording["DurationMs"] > 1000 * (lasted - EDGE)
        assert agent.failures == []
        text = node.log_text()
        assert not [line for line in text.splitlines() if '"! ' in line or "Traceback" in line]
        assert not [secret for secret in (CALLER.removeprefix("+"), PASSWORD) if secret in text]
        assert not [path for path in node.places.run.glob("*.sock") if path.stat().st_mode & 0o077]
