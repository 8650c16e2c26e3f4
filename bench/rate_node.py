"""Callers at a rate against a node of its own, answered by softphones without a browser over the softphone protocol.

The agents say which caller each of them was given: so it is proved, call by call and at both ends, that nobody was
heard by anyone else."""

import asyncio
import contextlib
import math
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.call.codecs import Samples
from bench.call.wire import Target
from bench.instance import NUMBER, make_instance
from bench.load.measure import Tell
from bench.load.spectrum import Spectrum
from bench.node import Node, unverified
from bench.processes import cpu_seconds
from bench.rate import (
    FIRST_HZ,
    STEP_HZ,
    TONES,
    PlacedCall,
    Progress,
    RatePlan,
    caller_hz,
    caller_number,
    place_calls,
    summary,
)
from bench.softphone.agent import SoftphoneAgent
from bench.softphone.client import fetch_token
from signaling.sip.flow import Transport

MOST_AGENTS = 50
SPARE_AGENTS = 2
WRAP_SECONDS = 1.0
"""From the end of a call to the agent's next one."""
_AGENT_HZ = FIRST_HZ + STEP_HZ * TONES + 200
_FOREIGN = 0.05
_SILENT = 200.0


def agents_for(plan: RatePlan) -> int:
    """Raises ValueError when the rate and the hold time want more agents than there may be."""
    wanted = math.ceil(plan.rate * (plan.hold + WRAP_SECONDS)) + SPARE_AGENTS
    agents = min(wanted, plan.calls)
    if agents > MOST_AGENTS:
        raise ValueError(f"{agents} agents would be needed, and {MOST_AGENTS} are the most: lower --rate or --hold")
    return agents


async def measure_calls(plan: RatePlan, transport: Transport, tell: Tell) -> dict[str, Any]:
    """The figures, ready for JSON. `plan.target` and `plan.number` are set to the node's."""
    count = agents_for(plan)
    instance = make_instance(count)
    progress = Progress()
    with tempfile.TemporaryDirectory(prefix="tp-bench-") as folder:
        tell("starting a node", 0.0)
        async with Node(Path(folder), instance.document, count) as node, contextlib.AsyncExitStack() as stack:
            tls, where = unverified(), node.addresses
            agents = []
            for number, sign_in in enumerate(instance.sign_ins):
                url, token = await fetch_token(f"https://{where.host}:{where.http}", sign_in, tls)
                agent = SoftphoneAgent(url, token, tls, agent_hz(number), where.host)
                agents.append(await stack.enter_async_context(agent))
            is_tls = transport == "tls"
            target = Target(where.host, where.sip_tls if is_tls else where.sip, transport, tls if is_tls else None)
            chosen = replace(plan, number=NUMBER, target=target)
            before, began = cpu_seconds(node.pid), asyncio.get_running_loop().time()
            placed = await place_calls(chosen, progress, tell)
            seconds = asyncio.get_running_loop().time() - began
            used = {role: total - before.get(role, 0.0) for role, total in cpu_seconds(node.pid).items()}
        tell("looking at what was heard", 1.0)
        heard = await asyncio.to_thread(judge_calls, placed, agents)
    cpu = {role: round(total, 2) for role, total in sorted(used.items())}
    return {**summary(chosen, progress, placed), **heard, "cpu_seconds": cpu, "seconds": round(seconds, 1)}


def agent_hz(agent: int) -> int:
    return _AGENT_HZ + STEP_HZ * (agent % TONES)


def judge_calls(placed: Iterable[PlacedCall], agents: list[SoftphoneAgent]) -> dict[str, Any]:
    """Who heard the one that he should, and who heard somebody else."""
    served = {customer: number for number, agent in enumerate(agents) for customer, _ in agent.served}
    right, wrong = Counts(), Counts()
    for call in placed:
        agent = served.get(caller_number(call.number))
        if agent is not None:
            right.callers += hears(*call.heard, agent_hz(agent))
            wrong.callers += bool(strangers(*call.heard, agent_hz(agent)))
    callers = {caller_number(call.number): caller_hz(call.number) for call in placed}
    for agent_phone in agents:
        for customer, peer in agent_phone.served:
            if customer in callers:
                right.agents += hears(*peer.heard, callers[customer])
                wrong.agents += bool(strangers(*peer.heard, callers[customer]))
    return {"heard_right": vars(right), "heard_wrong": vars(wrong), "served": len(served)}


class Counts:
    def __init__(self) -> None:
        self.callers = 0
        self.agents = 0


def hears(samples: Samples, rate: int, hertz: int) -> bool:
    """Whether the tone is the loudest in the middle of a call."""
    spectrum = Spectrum(_middle(samples, rate), rate)
    return spectrum.level(hertz) > _SILENT and hertz == max(ALL_HZ, key=spectrum.level)


def strangers(samples: Samples, rate: int, own: int) -> list[int]:
    """Tones of others in the middle of a call, from 26 dB below its own on."""
    spectrum = Spectrum(_middle(samples, rate), rate)
    least = max(_SILENT, _FOREIGN * spectrum.level(own))
    return [tone for tone in ALL_HZ if tone != own and spectrum.holds(tone, least)]


def _middle(samples: Samples, rate: int) -> Samples:
    """Without the second at the beginning and that at the end."""
    return samples[rate : max(rate, len(samples) - rate)]


ALL_HZ = tuple(sorted({*map(caller_hz, range(TONES)), *map(agent_hz, range(TONES))}))
"""All tones that anybody may say."""
