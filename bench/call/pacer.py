"""Calls a function every 20 ms, on deadlines that do not drift."""

import asyncio
from collections.abc import Callable

FRAME = 0.02
MAX_LAG = 0.2
"""Frames later than this are left out: a burst would only fill the peer's jitter buffer."""


class Pacer:
    """`on_frame(number, late)` from number 0 on, once for each 20 ms that go by; `late`: too late to send anything."""

    def __init__(self, on_frame: Callable[[int, bool], None]) -> None:
        self._on_frame = on_frame
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._number = 0
        self.late = 0
        """Frames that were left out."""

    def start(self) -> None:
        """The first frame is now."""
        self._deadline = self._loop.time()
        self._tick()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        now = self._loop.time()
        while self._deadline <= now:
            late = now - self._deadline > MAX_LAG
            self.late += late
            self._on_frame(self._number, late)
            self._number += 1
            self._deadline += FRAME
        self._timer = self._loop.call_at(self._deadline, self._tick)
