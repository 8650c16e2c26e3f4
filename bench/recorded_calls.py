"""How much CPU a recorded call costs, how soon it is answered: N callers with TLS, SDES and PCMU, N agents with Opus.

Every call has two tones of its own, and what each side heard is looked at: a cheap call that nobody hears is none.
"""

import asyncio
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.call.caller import Caller, CallerConfig
from bench.call.codecs import Samples
from bench.call.negotiation import Terms
from bench.call.sounds import tone
from bench.call.wire import Target
from bench.instance import NUMBER, Instance, make_instance
from bench.node import Node, unverified
from bench.processes import cpu_seconds, machine, versions
from bench.softphone.agent import SoftphoneAgent
from bench.softphone.client import fetch_token
from signaling.sip.flow import Transport

CONNECT_SECONDS = 30.0
STAGGER_SECONDS = 0.1
"""Between two calls: the set-up time is that of a call, not of a rush."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    calls: int = 20
    seconds: float = 20.0
    """How long CPU time is counted, all calls being up."""
    transport: Transport = "tls"
    """Of the callers' SIP."""


@dataclass(frozen=True)
class Party:
    caller: Caller
    agent: SoftphoneAgent


def caller_tone(number: int) -> int:
    return 400 + 20 * number


def agent_tone(number: int) -> int:
    return 1600 + 20 * number


async def measure(plan: Plan, tell: Tell) -> dict[str, Any]:
    """The figures, ready for JSON."""
    instance = make_instance(plan.calls)
    about = machine()
    with tempfile.TemporaryDirectory(prefix="tp-bench-") as folder:
        tell("starting a node")
        async with Node(Path(folder), instance.document, plan.calls) as node, contextlib.AsyncExitStack() as stack:
            tell(f"signing in {plan.calls} agents")
            agents = await _sign_in(node, instance, stack)
            tell(f"placing {plan.calls} calls")
            callers = await _call(node, plan, stack)
            await _all_connected(agents)
            tell(f"{plan.calls} calls are up; counting for {plan.seconds:g} s")
            before = cpu_seconds(node.pid)
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(plan.seconds)
            elapsed = asyncio.get_running_loop().time() - began
            used = {role: total - before.get(role, 0.0) for role, total in cpu_seconds(node.pid).items()}
            recorded = sum(agent.contact.get("recording") == "recording" for agent in agents)
        tell("looking at what was heard")
    return {
        "measurement": f"recorded calls: SRTP PCMU caller over {plan.transport.upper()}, DTLS-SRTP Opus agent",
        "command": " ".join([Path(sys.executable).name, *sys.orig_argv[1:]]),
        "machine": about,
        "versions": versions(),
        "calls": plan.calls,
        "legs": 2 * plan.calls,
        "seconds": round(elapsed, 2),
        "recorded": recorded,
        "millicores_per_leg": _per_leg(used, 2 * plan.calls * elapsed),
        "setup_ms": _setup([caller.report.answered_ms for caller in callers]),
        "heard_right": _heard(_pair(callers, agents)),
        "packets": _packets(callers, agents),
    }


async def _sign_in(node: Node, instance: Instance, stack: contextlib.AsyncExitStack) -> list[SoftphoneAgent]:
    tls, where = unverified(), node.addresses
    agents = []
    for number, sign_in in enumerate(instance.sign_ins):
        url, token = await fetch_token(f"https://{where.host}:{where.http}", sign_in, tls)
        agents.append(await stack.enter_async_context(SoftphoneAgent(url, token, tls, agent_tone(number), where.host)))
    return agents


async def _call(node: Node, plan: Plan, stack: contextlib.AsyncExitStack) -> list[Caller]:
    is_tls = plan.transport == "tls"
    port = node.addresses.sip_tls if is_tls else node.addresses.sip
    target = Target(node.addresses.host, port, plan.transport, unverified() if is_tls else None)
    callers = []
    for number in range(plan.calls):
        config = CallerConfig(
            NUMBER, target, Terms(("PCMU",), "sdes"), tone(caller_tone(number)), caller=_number_of(number)
        )
        caller = await stack.enter_async_context(Caller(config))
        await caller.answered()
        callers.append(caller)
        await asyncio.sleep(STAGGER_SECONDS)
    return callers


async def _all_connected(agents: list[SoftphoneAgent]) -> None:
    """Raises RuntimeError with what the agents were told."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            for agent in agents:
                await agent.connected.wait()
    except TimeoutError:
        failures = sorted({failure for agent in agents for failure in agent.failures})
        missing = sum(not agent.connected.is_set() for agent in agents)
        raise RuntimeError(f"{missing} of {len(agents)} agents got no sound: {failures or 'no contact came'}") from None


def _number_of(call: int) -> str:
    return f"+15559{call:04d}"


def _pair(callers: list[Caller], agents: list[SoftphoneAgent]) -> list[tuple[int, Caller, int, SoftphoneAgent]]:
    """Who talked to whom, by the number that the agent saw."""
    by_number = {_number_of(number): (number, caller) for number, caller in enumerate(callers)}
    return [
        (*by_number[agent.contact["customer"]], number, agent)
        for number, agent in enumerate(agents)
        if agent.contact.get("customer") in by_number
    ]


def _heard(pairs: list[tuple[int, Caller, int, SoftphoneAgent]]) -> dict[str, int]:
    """How many heard the tone of the other side, and it only."""
    customers = agents = 0
    for call, caller, desk, agent in pairs:
        customers += loudest(*caller.heard) == agent_tone(desk)
        agents += agent.peer is not None and loudest(*agent.peer.heard) == caller_tone(call)
    return {"callers": customers, "agents": agents}


def loudest(samples: Samples, rate: int) -> int:
    """The frequency of the strongest tone in the last seconds but one, to 20 Hz; 0 when it is silent."""
    part = samples[-3 * rate : -rate].astype(np.float64)
    if len(part) < rate or np.abs(part).max() < 500:
        return 0
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return 20 * round(float(np.argmax(spectrum)) * rate / len(part) / 20)


def _per_leg(used: dict[str, float], leg_seconds: float) -> dict[str, float]:
    """Thousandths of a core a leg."""
    figures = {role: round(1000 * seconds / leg_seconds, 3) for role, seconds in sorted(used.items())}
    return figures | {"all": round(1000 * sum(used.values()) / leg_seconds, 3)}


def _setup(times: list[float | None]) -> dict[str, float]:
    """From INVITE to 200."""
    known = sorted(time for time in times if time is not None)
    return {
        "median": round(statistics.median(known), 1),
        "p95": round(known[min(len(known) - 1, int(0.95 * len(known)))], 1),
        "max": round(known[-1], 1),
    }


def _packets(callers: list[Caller], agents: list[SoftphoneAgent]) -> dict[str, float]:
    """Loss, jitter and lateness say whether the machine kept up: without that the CPU figure means little."""
    reports = [caller.report for caller in callers]
    peers = [agent.peer for agent in agents if agent.peer is not None]
    jitter = [report.jitter_ms for report in reports] + [1000 * peer.receiver.reception.jitter for peer in peers]
    return {
        "received": sum(r.packets_received for r in reports) + sum(p.receiver.reception.received for p in peers),
        "lost": sum(r.packets_lost for r in reports) + sum(p.receiver.reception.lost for p in peers),
        "not_sent": sum(r.late_frames for r in reports) + sum(p.late_frames for p in peers),
        "jitter_ms_median": round(statistics.median(jitter), 2),
        "largest_gap_ms": round(max(report.largest_gap_ms for report in reports), 1),
    }
