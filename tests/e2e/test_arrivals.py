"""Calls and sound that go elsewhere or nowhere: not accepted, refused, from a wrong address; and the count of calls."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Playwright, expect

from bench.call.errors import Rejected
from signaling.sip.flow import Transport
from tests.e2e.agent_page import agent_at_work
from tests.e2e.callers import CALLER, customer
from tests.e2e.node import Node
from tests.e2e.plan import BOTH, NOTHING
from tests.e2e.recordings import Supervisor
from tests.e2e.sound import assert_only, assert_silent, end_of
from tests.e2e.talks import AGENT, CUSTOMER, talk


async def test_an_offer_that_is_not_accepted_goes_to_the_next_agent(
    node: Node, playwright: Playwright, tmp_path: Path
) -> None:
    async with (
        agent_at_work(playwright, node, "ann", AGENT, tmp_path) as first,
        agent_at_work(playwright, node, "bob", AGENT, tmp_path) as second,
        customer(node, BOTH, CUSTOMER) as caller,
    ):
        await caller.answered()
        await first.in_state("INCOMING")
        await first.in_state("MISSED", seconds=25)
        await second.accept()
        await second.press("Hang up")
        await caller.ended()
        await second.finish()
        await first.press("Clear contact")
        await first.free()


async def test_the_metrics_tell_of_workers_and_calls(node: Node) -> None:
    async with Supervisor(node) as supervisor:
        before = await supervisor.metrics()
        async with customer(node, NOTHING, CUSTOMER) as caller:
            await caller.answered()
            await caller.wait(1.3)
            during = await supervisor.metrics()
    names = [f'telephonist_worker_legs{{worker="relay-{number}"}}' for number in range(2)]
    assert sum(during[name] for name in names) == 1
    assert during['telephonist_worker_ticks_total{worker="relay-0"}'] > 50
    for kind in ("arrived", "answered"):
        name = f'telephonist_calls_total{{kind="{kind}"}}'
        assert during[name] == before.get(name, 0) + 1
    assert not any(CALLER in name for name in during)


async def test_sound_from_another_address_is_not_heard(node: Node, playwright: Playwright, tmp_path: Path) -> None:
    async with agent_at_work(playwright, node, "ann", AGENT, tmp_path) as agent:
        async with customer(node, BOTH, CUSTOMER) as caller:
            await talk(caller, agent, 2.0)
            caller.send_from("127.0.0.3")
            await caller.wait(0.6)
            assert_silent((await agent.hear(1.0))[0])
            assert_only(*end_of(caller.heard, 0.8), AGENT)
            # Which of the two depends on whether a report of the caller's has come that says what he hears.
            alarm = agent.card.get_by_text(re.compile("Nothing comes from the caller|goes one way only"))
            await expect(alarm).to_be_visible()
            caller.send_from(None)
            await expect(alarm).to_have_count(0)
        await agent.finish()


@pytest.mark.parametrize(
    ("number", "transport", "host", "status"),
    [("+15559999", "udp", None, 404), (BOTH, "udp", "127.0.0.9", 403), (BOTH, "tls", None, 488)],
)
async def test_calls_that_may_not_be_are_refused(
    node: Node, number: str, transport: Transport, host: str | None, status: int
) -> None:
    async with customer(node, number, CUSTOMER, transport, local_host=host) as caller:
        with pytest.raises(Rejected) as refused:
            await caller.answered()
    assert refused.value.status == status
