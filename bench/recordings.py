"""What a recording costs: the tap in the relay, the recorder meanwhile, finalizing and delivering afterwards.

The same legs talk twice, first without and then with taps. What the tap costs is less than two such runs differ by, so
it is measured by itself (bench.tap_cost). Every file is read back: each side must hold the tone of its own
party, and no other."""

import io
import time
import wave
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.load.judge import CLEAR, FOREIGN
from bench.load.measure import Figures, Span, Tell, measure
from bench.load.sound import TONE_PEAK
from bench.load.spectrum import Spectrum
from bench.load.targets.recorded_workers import RecordedWorkers
from bench.load.targets.workers import Workers
from bench.load.work import Work, make_work
from bench.processes import family_cpu
from bench.tap_cost import measure_tap

DELIVERY_SECONDS = 300.0
HOUR = 3600.0
TAPPED_LEGS, TAPPED_TICKS = 200, 500
"""Of the measurement of the tap alone."""


@dataclass(frozen=True)
class RecordingPlan:
    calls: int = 200
    seconds: float = 10.0
    workers: int = 2


class _Watched(RecordedWorkers):
    """Seals what was recorded before the legs end, and keeps time."""

    cpu_before: float
    cpu_talked: float
    began: float
    talked: float

    async def connect(self, work: Work, at: Any) -> Any:
        lines = await super().connect(work, at)
        self.cpu_before, self.began = family_cpu(self.recorder_pid), time.monotonic()
        return lines

    async def disconnect(self, work: Work) -> None:
        self.cpu_talked, self.talked = family_cpu(self.recorder_pid), time.monotonic() - self.began
        await super().disconnect(work)
        await self.seal(work)


async def measure_recordings(plan: RecordingPlan, tell: Tell) -> dict[str, Any]:
    """The figures, ready for JSON. Raises TimeoutError when the files are not all delivered in time."""
    work = make_work("pcmu-pairs", 2 * plan.calls)
    async with Workers(plan.workers) as target:
        bare = await measure(target, work, Span(plan.seconds), tell)
    async with _Watched(plan.workers) as target:
        taped = await measure(target, work, Span(plan.seconds), tell)
        tell("waiting for the files", 0.0)
        ended = time.monotonic()
        told = await target.delivered(work, DELIVERY_SECONDS)
        took = time.monotonic() - ended
        finalizing = family_cpu(target.recorder_pid) - target.cpu_talked
        states = [one.state for one in told.values()]
        wrong = [room for room in work.rooms if not right(await target.read(room), work, room)]
    tell("measuring the tap alone", 0.0)
    tap = await measure_tap(TAPPED_LEGS, TAPPED_TICKS)
    leg_hours = sum(one.duration_ms for one in told.values()) * 2 / 1000 / HOUR
    return {
        "calls": plan.calls,
        "workers": plan.workers,
        "delivered": states.count("released"),
        "quarantined": states.count("quarantined"),
        "gaps": sum(one.gaps for one in told.values()),
        "files_wrong": wrong,
        "recorded_leg_hours": round(leg_hours, 3),
        "relay_millicores_per_leg": bare.millicores_per_leg,
        "relay_millicores_per_recorded_leg": taped.millicores_per_leg,
        "tap_us_per_packet": round(tap.tapped - tap.bare, 2),
        "tap_share_percent": round(tap.share_percent, 1),
        "recorder_millicores_per_leg": round(
            1000 * (target.cpu_talked - target.cpu_before) / (len(work.legs) * target.talked), 3
        ),
        "finalize_cpu_seconds_per_leg_hour": round(finalizing / leg_hours, 2) if leg_hours else None,
        "delivered_after_seconds": round(took, 1),
        **{name: _heard(one) for name, one in (("without_taps", bare), ("with_taps", taped))},
    }


def right(file: bytes, work: Work, room: int) -> bool:
    """Whether the agent is on the right and the other on the left, each with his own tone and no other's."""
    with wave.open(io.BytesIO(file)) as sound:
        rate = sound.getframerate()
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)
    agent, other = work.rooms[room]
    middle = samples[rate : len(samples) - rate]
    for channel, leg in ((1, agent), (0, other)):
        spectrum = Spectrum(middle[:, channel], rate)
        assert leg.tone is not None, "in rooms of two both speak"
        if spectrum.level(leg.tone) < CLEAR * TONE_PEAK:
            return False
        tones = {one.tone for one in work.legs if one.tone is not None} - {leg.tone}
        if any(spectrum.holds(tone, FOREIGN * TONE_PEAK) for tone in tones):
            return False
    return True


def _heard(one: Figures) -> dict[str, Any]:
    verdict = one.verdict
    return {
        "right": verdict.right,
        "lost": verdict.lost + verdict.missing,
        "gap_ms": verdict.gap_ms,
        "mouth_to_ear_ms": verdict.mouth_to_ear_ms,
        "load_dropped": one.load_dropped,
    }
