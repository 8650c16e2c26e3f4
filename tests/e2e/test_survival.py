"""The control plane is killed under six calls: four that agents talk on, one that rings, one that waits."""

import asyncio
import os
import signal
import sqlite3
from contextlib import AsyncExitStack
from typing import Any

from bench.call.caller import Caller
from bench.node import unverified
from bench.softphone.agent import SoftphoneAgent
from bench.softphone.client import Client, fetch_token
from tests.e2e.callers import customer
from tests.e2e.node import Node
from tests.e2e.phones import connected, over, softphone
from tests.e2e.plan import BOTH, PASSWORD
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import assert_only, end_of, part, windows_without

CUSTOMER, AGENT = 440.0, 700
TALKING = ("ann", "bob", "cat", "dan")
TONE_SECONDS = 2.5


class Ringing:
    """An agent who is offered a contact and takes his time."""

    def __init__(self) -> None:
        self.client = Client(self._notify)
        self.offered = asyncio.Event()

    async def sign_in(self, node: Node, username: str) -> None:
        credentials = {"instance": "acme", "username": username, "password": PASSWORD}
        self.url, token = await fetch_token(node.console.rstrip("/"), credentials, unverified())
        await self.client.open(self.url, token, unverified())
        await self.client.ask("agent.setStatus", status="Available")

    async def come_back(self) -> dict[str, Any]:
        """The contact that he is shown."""
        before, self.client = self.client, Client(self._notify)
        await before.close()
        snapshot = await self.client.resume(self.url, before, unverified())
        (contact,) = snapshot["contacts"]
        return dict(contact)

    def _notify(self, method: str, params: dict[str, Any]) -> None:
        if method == "contact.changed" and params["contact"]["state"] == "INCOMING":
            self.offered.set()


async def talk(stack: AsyncExitStack, node: Node, username: str) -> tuple[Caller, SoftphoneAgent]:
    agent = await stack.enter_async_context(softphone(node, username, AGENT))
    caller = await stack.enter_async_context(customer(node, BOTH, CUSTOMER))
    await connected(agent)
    return caller, agent


async def test_six_calls_outlive_the_control_plane() -> None:
    with Node(rtp_ports=(20600, 20799)) as node:
        async with AsyncExitStack() as stack:
            talks = [await talk(stack, node, username) for username in TALKING]
            eli = Ringing()
            await eli.sign_in(node, "eli")
            stack.push_async_callback(lambda: eli.client.close())
            rings = await stack.enter_async_context(customer(node, BOTH, CUSTOMER))
            await eli.offered.wait()
            waits = await stack.enter_async_context(customer(node, BOTH, CUSTOMER))
            await waits.answered()
            await waits.wait(TONE_SECONDS)

            await killed_within_a_reinvite(node, talks[0][0])
            await node.ready_again()
            async with asyncio.timeout(10):
                await talks[0][0].offer_answered.wait()
            for _, agent in talks:
                await agent.come_back()
                assert agent.contact["state"] == "CONNECTED"
            assert (await eli.come_back())["state"] == "INCOMING"
            await hold_and_take_back(talks[1])
            for caller in (rings, waits):
                caller.hang_up()
                await ended(caller)
            for caller, _ in (talks[0], *talks[2:]):
                assert windows_without(*end_of(caller.heard, TONE_SECONDS), AGENT) <= 2
            for caller, _ in talks[:2]:
                caller.hang_up()
            for _, agent in talks[2:]:
                await agent.hang_up()
            for caller, agent in talks:
                await ended(caller)
                await over(agent)
            await nothing_is_left(node)
        await recorded_and_told(node)


async def killed_within_a_reinvite(node: Node, caller: Caller) -> None:
    """It is stopped first, so that the re-INVITE is on its way and gets no answer of this process."""
    pid = node.pid("signaling")
    os.kill(pid, signal.SIGSTOP)
    caller.offer()
    await caller.wait(0.2)
    os.kill(pid, signal.SIGKILL)


async def hold_and_take_back(talk: tuple[Caller, SoftphoneAgent]) -> None:
    caller, agent = talk
    await agent.hold(True)
    await caller.wait(1.0)
    assert windows_without(*end_of(caller.heard, 0.5), AGENT) == 5
    await agent.hold(False)
    await caller.wait(TONE_SECONDS)
    assert_only(*end_of(caller.heard, 1.0), AGENT)


async def ended(caller: Caller) -> None:
    async with asyncio.timeout(10):
        await caller.ended()


async def nothing_is_left(node: Node) -> None:
    """No contact, no leg, nothing that another start would go on with."""
    async with Supervisor(node) as supervisor, asyncio.timeout(20):
        while await left(node, supervisor):
            await asyncio.sleep(0.1)  # nobody tells us


async def left(node: Node, supervisor: Supervisor) -> float:
    metrics = await supervisor.metrics()
    going = sum(value for name, value in metrics.items() if name.startswith("telephonist_contacts{"))
    legs = sum(value for name, value in metrics.items() if name.startswith("telephonist_worker_legs{"))
    with sqlite3.connect(f"file:{node.places.database}?mode=ro", uri=True) as database:
        (rows,) = database.execute("SELECT count(*) FROM live_states WHERE kind != 'agent'").fetchone()
    return going + legs + float(rows)


async def recorded_and_told(node: Node) -> None:
    async with Supervisor(node) as supervisor:
        contacts = await supervisor.contacts()
        assert len(contacts) == len(TALKING) + 2
        reasons = []
        for found in contacts:
            told = await supervisor.contact(found["Id"])
            reasons.append(told["DisconnectReason"])
            if "AgentInfo" not in told:
                continue
            await supervisor.delivered(found["Id"])
            samples, rate = await supervisor.audio(found["Id"])
            connected = told["DisconnectTimestamp"] - told["AgentInfo"]["ConnectedToAgentTimestamp"]
            assert abs(len(samples) / rate - connected) < 0.1
            # A softphone of a busy machine may be late with a packet or two; a hole of the kill would be 1.5 s.
            assert windows_without(part(samples[:, 1], rate, 0.5, connected - 0.3), rate, AGENT) <= 2
        assert sorted(reasons) == ["AGENT_DISCONNECT"] * 2 + ["CUSTOMER_DISCONNECT"] * 4
