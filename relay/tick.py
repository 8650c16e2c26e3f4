"""The 20 ms tick on absolute deadlines, and the only reader of time in the media plane."""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from relay.api import LATENESS_MS
from relay.formats import TICK_MS

TICK_NS = TICK_MS * 1_000_000
LATE_NS = 5_000_000
"""A tick that begins this long after its deadline counts as late."""
LAG_TICKS = 250
"""The worst lateness is remembered for so many ticks at least, and twice as many at most."""
BEAT_NS = 4_000_000
"""What is passed on from leg to leg waits for no longer than this."""
_BEAT_SECONDS = BEAT_NS / 1e9
MAX_BEHIND = 25
"""Ticks: further behind than this (half a second; the process was stopped), deadlines begin anew."""


def now_ns() -> int:
    """The worker's monotonic clock."""
    return time.monotonic_ns()


def now() -> float:
    """The same clock in seconds."""
    return time.monotonic_ns() / 1e9


def wall_clock() -> float:
    """Unix time, for NTP timestamps only."""
    return time.time()


def wall_clock_ns() -> int:
    """Unix time, which the kernel's timestamps of datagrams are in."""
    return time.time_ns()


def descriptor_of(loop: asyncio.AbstractEventLoop) -> int | None:
    """What can be read when the loop has something to do; None: it does not tell. Of its timers, and of what it was
    given to do at once, this says nothing."""
    for find in (_of_uvloop, _of_selector):
        if (descriptor := find(loop)) is not None:
            return descriptor
    return None


def _of_uvloop(loop: Any) -> int | None:
    return loop._get_backend_id() if hasattr(loop, "_get_backend_id") else None


def _of_selector(loop: Any) -> int | None:
    return loop._selector.fileno() if hasattr(loop, "_selector") else None


class Ticker:
    """Calls `tick(now_ns)` once for each deadline. A late tick is followed by the next at once, so none is left out.

    In between, as long as `beats()`, it calls `beat(deadline_ns)`, which may last until that deadline and returns for
    how many ns of it nothing was done."""

    def __init__(
        self,
        tick: Callable[[int], None],
        beat: Callable[[int], int] = lambda until_ns: 0,
        beats: Callable[[], bool] = lambda: False,
    ) -> None:
        self._tick = tick
        self._beat = beat
        self._beats = beats
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0
        self.ticks = 0
        self.late = 0
        self.lateness = [0] * (len(LATENESS_MS) + 1)
        """Ticks by how long after their deadline they began: class i up to LATENESS_MS[i]."""
        self.lateness_seconds = 0.0
        """Of all ticks together."""
        self._busy_ns = 0
        self._worst = [0, 0]
        """ns; of the LAG_TICKS before, and of those since."""

    @property
    def busy_seconds(self) -> float:
        """Spent in ticks and beats."""
        return self._busy_ns / 1e9

    @property
    def lag_ms(self) -> float:
        """The latest that a tick began lately."""
        return max(self._worst) / 1e6

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        now = now_ns()
        self._deadline = now + TICK_NS
        self._arm(now)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, now: int) -> None:
        delay = self._deadline - now
        if delay > BEAT_NS and self._beats():
            self._timer = self._loop.call_later(_BEAT_SECONDS, self._run_beat)
        else:
            self._timer = self._loop.call_later(max(0, delay) / 1e9, self._run)

    def _run_beat(self) -> None:
        begun, slept_ns = now_ns(), 0
        try:
            slept_ns = self._beat(self._deadline)
        finally:
            ended = now_ns()
            self._busy_ns += ended - begun - slept_ns
            self._arm(ended if slept_ns else begun)

    def _run(self) -> None:
        begun = now_ns()
        self.ticks += 1
        self._count(begun - self._deadline)
        self._deadline += TICK_NS
        if begun - self._deadline > MAX_BEHIND * TICK_NS:
            self._deadline = begun + TICK_NS
        self._arm(begun)
        try:
            self._tick(begun)
        finally:
            self._busy_ns += now_ns() - begun

    def _count(self, late_ns: int) -> None:
        self.late += late_ns > LATE_NS
        self.lateness[bisect_left(LATENESS_MS, late_ns / 1e6)] += 1
        self.lateness_seconds += max(0, late_ns) / 1e9
        if self.ticks % LAG_TICKS == 0:
            self._worst = [self._worst[1], 0]
        self._worst[1] = max(self._worst[1], late_ns)
