"""Callers that come at a rate, stay for a while and go: SIP over UDP, TCP or TLS, RTP or SDES-SRTP, against any server.

Every caller says a tone of its own and keeps what it hears. Who answers is not known here; who does (see rate_node)
says which tone which caller should have heard."""

import asyncio
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.call.caller import Caller, CallerConfig
from bench.call.codecs import Samples
from bench.call.errors import CallError
from bench.call.negotiation import Terms
from bench.call.report import Report
from bench.call.sounds import tone
from bench.call.wire import Target
from bench.load.measure import Tell

FIRST_HZ, STEP_HZ, TONES = 400, 20, 50
"""Callers' tones; answering agents' lie above them."""


@dataclass(frozen=True)
class RatePlan:
    number: str
    target: Target
    terms: Terms
    calls: int = 20
    rate: float = 2.0
    """New calls a second."""
    hold: float = 10.0
    """Seconds from the answer to our BYE."""
    ring: float = 30.0


@dataclass
class PlacedCall:
    number: int
    report: Report
    heard: tuple[Samples, int]
    late: float
    """How much later than planned it was placed, in seconds: the load's own fault."""


@dataclass
class Progress:
    """Calls that are up now, and the most that were."""

    up: int = 0
    peak: int = 0
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def answered(self) -> None:
        self.up += 1
        self.peak = max(self.peak, self.up)


def caller_hz(call: int) -> int:
    return FIRST_HZ + STEP_HZ * (call % TONES)


def caller_number(call: int) -> str:
    return f"+1555{call:07d}"


async def place_calls(plan: RatePlan, progress: Progress, tell: Tell) -> list[PlacedCall]:
    """All calls, in order; a call that fails is one of them, and its report says why."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    calls: list[asyncio.Task[PlacedCall]] = []
    for number in range(plan.calls):
        due = began + number / plan.rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        calls.append(asyncio.create_task(_place(plan, number, loop.time() - due, progress)))
        tell(f"{progress.up} calls up, {progress.done} over", number / plan.calls)
    return await asyncio.gather(*calls)


async def _place(plan: RatePlan, number: int, late: float, progress: Progress) -> PlacedCall:
    config = CallerConfig(
        plan.number,
        plan.target,
        plan.terms,
        tone(caller_hz(number)),
        caller=caller_number(number),
        ring_seconds=plan.ring,
    )
    caller = Caller(config)
    try:
        async with caller:
            await caller.answered()
            progress.answered()
            try:
                await caller.wait(plan.hold)
            finally:
                progress.up -= 1
    except CallError as error:
        progress.failed[str(error)] += 1
    progress.done += 1
    return PlacedCall(number, caller.report, caller.heard, late)


def summary(plan: RatePlan, progress: Progress, placed: list[PlacedCall]) -> dict[str, Any]:
    """The figures, ready for JSON. Times in ms."""
    reports = [call.report for call in placed]
    answered = [report for report in reports if report.answered_ms is not None]
    return {
        "calls": len(placed),
        "rate": plan.rate,
        "hold": plan.hold,
        "transport": plan.target.transport,
        "srtp": plan.terms.srtp,
        "answered": len(answered),
        "failed": dict(progress.failed),
        "cut_off": sum(report.ended_by != "us" for report in answered),
        "most_at_once": progress.peak,
        "placed_late_ms": round(1000 * max((call.late for call in placed), default=0.0), 1),
        "ringing_ms": spread(report.ringing_ms for report in answered),
        "answered_ms": spread(report.answered_ms for report in answered),
        "packets_received": sum(report.packets_received for report in answered),
        "packets_lost": sum(report.packets_lost for report in answered),
        "packets_discarded": sum(report.packets_discarded for report in answered),
        "packets_not_sent": sum(report.late_frames for report in answered),
        "largest_gap_ms": spread(report.largest_gap_ms for report in answered),
        "jitter_ms": spread(report.jitter_ms for report in answered),
    }


def spread(values: Any) -> dict[str, float]:
    """Median, 95th percentile and largest of those that are known."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return {}
    p95 = known[min(len(known) - 1, int(0.95 * len(known)))]
    return {"p50": round(statistics.median(known), 1), "p95": round(p95, 1), "max": round(known[-1], 1)}
