"""Dialogs at a rate against a node of its own: set-up time, failures, CPU of each process, and memory that stays."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.instance import NUMBER, make_instance
from bench.load.measure import Tell
from bench.node import Node
from bench.processes import cpu_seconds, pids_of, process_memory
from bench.sip.load import DialogLoad, DialogPlan, Outcome
from bench.sip.sink import Sink
from bench.sip.wire import Line

NOBODY = "+15550199"
"""A number that the instance has not."""
CALLS_AT_ONCE = 1024
REFUSED_RATE = 500.0
SETTLE_SECONDS = 1.0


@dataclass(frozen=True)
class SipPlan:
    rate: float = 150.0
    seconds: float = 60.0
    hold: float = 0.5
    half_open: int = 0
    failed: int = 0

    @property
    def calls(self) -> int:
        return round(self.rate * self.seconds)


async def measure_dialogs(plan: SipPlan, tell: Tell) -> dict[str, Any]:
    """The figures, ready for JSON."""
    instance = make_instance(0)
    with tempfile.TemporaryDirectory(prefix="tp-bench-") as folder:
        tell("starting a node", 0.0)
        async with Node(Path(folder), instance.document, CALLS_AT_ONCE) as node:
            where = node.addresses
            async with Sink(where.host) as sink:
                line = Line(where.host, 0, (where.host, where.sip), NUMBER, sink.port)
                before = cpu_seconds(node.pid)
                async with DialogLoad(line, tell) as load:
                    outcome = await load.run(DialogPlan(plan.calls, plan.rate, plan.hold))
                used = {role: total - before.get(role, 0.0) for role, total in cpu_seconds(node.pid).items()}
                heard = len(sink.sources)
                memory = await _memory(node, plan, line, tell)
    return {
        "rate": plan.rate,
        "hold": plan.hold,
        **summary(outcome),
        "media_heard": heard,
        "cpu_cores": {role: round(total / outcome.seconds, 3) for role, total in sorted(used.items())},
        **memory,
    }


async def _memory(node: Node, plan: SipPlan, line: Line, tell: Tell) -> dict[str, Any]:
    """What signaling holds before and after calls that come to nothing, twice: the second time tells what stays."""
    if not plan.half_open and not plan.failed:
        return {}
    rounds = []
    for _ in range(2):
        before = held(node)
        async with DialogLoad(line, tell) as load:
            half = await load.run(DialogPlan(plan.half_open, plan.rate, manner="half-open"))
        async with DialogLoad(Line(line.host, 0, line.server, NOBODY, line.media), tell) as load:
            refused = await load.run(DialogPlan(plan.failed, REFUSED_RATE, manner="refused"))
        await asyncio.sleep(SETTLE_SECONDS)
        rounds.append({"before": before, "after": held(node), "done": half.done + refused.done})
    return {"half_open": plan.half_open, "refused": plan.failed, "memory_mb": rounds}


def held(node: Node) -> float:
    """What signaling holds of the memory, in MB."""
    return round(process_memory(pids_of(node.pid, "signaling")) / 1e6, 1)


def summary(outcome: Outcome) -> dict[str, Any]:
    return {
        "calls": outcome.placed,
        "completed": outcome.done,
        "failed": dict(outcome.failed),
        "without_audio": outcome.without_audio,
        "repeated": outcome.repeated,
        "seconds": round(outcome.seconds, 1),
        "completed_a_second": round(outcome.done / outcome.seconds, 1),
        "most_at_once": outcome.most_at_once,
        "placed_late_ms": round(1000 * outcome.late, 1),
        "answer_ms": percentiles(outcome.answers),
        "bye_ms": percentiles(outcome.byes),
    }


def percentiles(seconds: list[float]) -> dict[str, float]:
    """In ms."""
    if not seconds:
        return {}
    known = sorted(seconds)
    places = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(1000 * known[min(len(known) - 1, int(at * len(known)))], 1) for name, at in places.items()}
