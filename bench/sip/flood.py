"""A stranger who floods the SIP port while calls are up and a trunk goes on calling: what it does to both."""

import asyncio
import contextlib
import secrets
import socket
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.call.negotiation import Terms
from bench.call.wire import Target
from bench.instance import NUMBER, make_instance
from bench.load.measure import Tell
from bench.node import Node
from bench.processes import cpu_seconds
from bench.rate import PlacedCall, Progress, RatePlan, place_calls
from bench.sip.load import DialogLoad, DialogPlan
from bench.sip.node import CALLS_AT_ONCE, held, summary
from bench.sip.sink import Sink
from bench.sip.wire import Line

STRANGER = "127.0.0.9"
"""No trunk's address."""
TRUNK = "127.0.0.1/32"
TURN_SECONDS = 0.01
PLACING_RATE = 10.0
EDGE_SECONDS = 1.0
"""That the calls are up before the flood and after it."""


@dataclass(frozen=True)
class StrangerPlan:
    rate: float = 500.0
    """INVITEs of the stranger a second."""
    seconds: float = 60.0
    calls: int = 20
    """Up all the time, with sound both ways."""
    trunk_rate: float = 5.0
    """New calls a second of the trunk meanwhile."""


async def measure_stranger(plan: StrangerPlan, tell: Tell) -> dict[str, Any]:
    """The figures, ready for JSON."""
    instance = make_instance(0, (TRUNK,))
    with tempfile.TemporaryDirectory(prefix="tp-bench-") as folder:
        tell("starting a node", 0.0)
        async with Node(Path(folder), instance.document, CALLS_AT_ONCE) as node, Sink("127.0.0.1") as sink:
            where = node.addresses
            line = Line(where.host, 0, (where.host, where.sip), NUMBER, sink.port)
            progress = Progress()
            up = asyncio.create_task(place_calls(_live(plan, line.server), progress, lambda what, share: None))
            while progress.up + progress.done < plan.calls:
                await asyncio.sleep(TURN_SECONDS)
            await asyncio.sleep(EDGE_SECONDS)
            memory, before = held(node), cpu_seconds(node.pid)
            async with DialogLoad(line, tell) as load:
                trunk = load.run(DialogPlan(round(plan.trunk_rate * plan.seconds), plan.trunk_rate))
                answers, outcome = await asyncio.gather(_flood(plan, line), trunk)
            used = {role: total - before.get(role, 0.0) for role, total in cpu_seconds(node.pid).items()}
            after = held(node)
            placed = await up
    cpu = {role: round(total / outcome.seconds, 3) for role, total in sorted(used.items())}
    return {
        "rate": plan.rate,
        "sent": round(plan.rate * plan.seconds),
        "stranger_heard": dict(answers),
        "live": _judge(placed, progress),
        "trunk": summary(outcome),
        "cpu_cores": cpu,
        "memory_mb": {"before": memory, "after": after},
    }


def is_unharmed(figures: dict[str, Any]) -> bool:
    """Whether every live call lasted and no call of the trunk was lost; gaps are for the reader to judge."""
    live, trunk = figures["live"], figures["trunk"]
    return bool(live["whole"] == live["calls"] and not live["packets_lost"] and trunk["completed"] == trunk["calls"])


def _live(plan: StrangerPlan, server: tuple[str, int]) -> RatePlan:
    lasting = plan.seconds + plan.calls / PLACING_RATE + 3 * EDGE_SECONDS
    return RatePlan(NUMBER, Target(*server, "udp", None), Terms(("PCMU",)), plan.calls, PLACING_RATE, lasting)


def _judge(placed: list[PlacedCall], progress: Progress) -> dict[str, Any]:
    reports = [call.report for call in placed]
    return {
        "calls": len(placed),
        "whole": sum(report.answered_ms is not None and report.ended_by == "us" for report in reports),
        "failed": dict(progress.failed),
        "packets_received": sum(report.packets_received for report in reports),
        "packets_lost": sum(report.packets_lost for report in reports),
        "largest_gap_ms": round(max((report.largest_gap_ms for report in reports), default=0.0), 1),
    }


async def _flood(plan: StrangerPlan, line: Line) -> Counter[str]:
    """INVITEs, each of a call of its own; what came back, by status."""
    answers: Counter[str] = Counter()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.setblocking(False)
        endpoint.bind((STRANGER, 0))
        stranger = replace(line, host=STRANGER, port=endpoint.getsockname()[1])
        began, sent, run = time.monotonic(), 0, secrets.token_hex(4)
        while sent < plan.rate * plan.seconds:
            due = min((time.monotonic() - began) * plan.rate, plan.rate * plan.seconds)
            while sent < due:
                with contextlib.suppress(BlockingIOError):
                    endpoint.sendto(stranger.invite(f"{run}-{sent:x}"), line.server)
                sent += 1
            _drain(endpoint, answers)
            await asyncio.sleep(TURN_SECONDS)
        await asyncio.sleep(EDGE_SECONDS / 2)
        _drain(endpoint, answers)
    return answers


def _drain(endpoint: socket.socket, answers: Counter[str]) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            answers[endpoint.recv(65536).split(b" ", 2)[1].decode()] += 1
