"""The control plane is killed while an agent consults another one, and one consults a third party: everybody hears on
whom he heard, the recordings have no hole, and the calls end as they would have."""

import asyncio
from contextlib import AsyncExitStack

from bench.call.caller import Caller
from bench.call.sounds import tone
from bench.softphone.agent import SoftphoneAgent
from tests.bench.callee import Callee, Script, callee
from tests.e2e.node import Node
from tests.e2e.phones import heard_by, over, softphone
from tests.e2e.plan import CARRIER_PORT
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import ABSENT, assert_only, end_of, part, windows_without
from tests.e2e.test_outbound import until
from tests.e2e.test_survival import ended, talk
from tests.support.tones import Samples, level_of

CUSTOMER, ASKING, ASKED = 440, 700, 1000  # those who ask say what test_survival's agents do
JUDGED = 2.0
"""Seconds that are listened to: those of the kill."""


async def test_consultations_outlive_the_control_plane() -> None:
    with Node(rtp_ports=(20800, 20999)) as node:
        async with AsyncExitStack() as stack:
            first, ann = await talk(stack, node, "ann")
            bob = await stack.enter_async_context(softphone(node, "bob", ASKED))
            await consult(ann, "to-bob")
            await in_state(bob, "CONNECTED_ONHOLD")
            second, cat = await talk(stack, node, "cat")
            far = await stack.enter_async_context(callee(Script(sound=tone(ASKED)), port=CARRIER_PORT))
            await consult(cat, "to-bank")
            await until(far.up)
            await first.wait(1.0)
            node.kill("signaling")
            await node.ready_again()
            for agent in (ann, bob, cat):
                await agent.come_back()
            await first.wait(0.5)
            for heard, said in (
                (heard_by(ann), ASKED),
                (heard_by(bob), ASKING),
                (heard_by(cat), ASKED),
                (far.heard, ASKING),
            ):
                hears_on(heard, said)
            for caller in (first, second):
                assert all(level_of(*end_of(caller.heard, JUDGED), agent) < ABSENT for agent in (ASKING, ASKED))
            await agents_talk_on(first, ann, bob)
            await customer_is_handed_over(second, cat, far)
            await nobody_is_left(node)
        await recorded(node)


async def consult(agent: SoftphoneAgent, quick_connect: str) -> None:
    await in_state(agent, "CONNECTED")
    await agent.transfer(quick_connect)


async def in_state(agent: SoftphoneAgent, state: str) -> None:
    async with asyncio.timeout(10):
        while agent.contact.get("state") != state:
            await asyncio.sleep(0.02)  # the agent keeps what it was told last


def hears_on(heard: tuple[Samples, int], said: float) -> None:
    assert windows_without(*end_of(heard, JUDGED), said) <= 2
    assert_only(*end_of(heard, 0.5), said, *({CUSTOMER, ASKING, ASKED} - {said}))


async def agents_talk_on(caller: Caller, ann: SoftphoneAgent, bob: SoftphoneAgent) -> None:
    """Their customer has left."""
    caller.hang_up()
    await ended(caller)
    await caller.wait(0.7)
    assert_only(*end_of(heard_by(ann), 0.4), ASKED, ASKING, CUSTOMER)
    assert_only(*end_of(heard_by(bob), 0.4), ASKING, ASKED, CUSTOMER)
    await ann.hang_up()
    await over(ann)
    await over(bob)


async def customer_is_handed_over(caller: Caller, cat: SoftphoneAgent, far: Callee) -> None:
    await cat.hang_up()
    await over(cat)
    await caller.wait(0.8)
    assert_only(*end_of(caller.heard, 0.4), ASKED, CUSTOMER, ASKING)
    assert_only(*end_of(far.heard, 0.4), CUSTOMER, ASKED, ASKING)
    far.hang_up()
    await ended(caller)


async def nobody_is_left(node: Node) -> None:
    """No contact and no leg. The call to the trunk's dead target is still being taken back."""
    async with Supervisor(node) as supervisor, asyncio.timeout(20):
        while any(
            value
            for name, value in (await supervisor.metrics()).items()
            if name.startswith(("telephonist_contacts{", "telephonist_worker_legs{"))
        ):
            await asyncio.sleep(0.1)  # nobody tells us


async def recorded(node: Node) -> None:
    async with Supervisor(node) as supervisor:
        contacts = [await supervisor.completed(found["Id"]) for found in await supervisor.contacts()]
        assert sorted(told["DisconnectReason"] for told in contacts) == [
            "AGENT_DISCONNECT", "CUSTOMER_DISCONNECT", "CUSTOMER_DISCONNECT", "THIRD_PARTY_DISCONNECT",
        ]  # fmt: skip
        asked = [told["Id"] for told in contacts if told["InitiationMethod"] == "TRANSFER"]
        for told in [told for told in contacts if "AgentInfo" in told]:
            await supervisor.delivered(told["Id"])
            samples, rate = await supervisor.audio(told["Id"])
            connected = told["DisconnectTimestamp"] - told["AgentInfo"]["ConnectedToAgentTimestamp"]
            assert abs(len(samples) / rate - connected) < 0.2
            mine = ASKED if told["Id"] in asked else ASKING
            assert windows_without(part(samples[:, 1], rate, 0.5, connected - 0.3), rate, mine) <= 2
            assert level_of(part(samples[:, 0], rate, 0.5, connected - 0.3), rate, mine) < ABSENT
