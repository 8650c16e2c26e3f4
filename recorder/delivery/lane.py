"""Takes recordings from step to step, the oldest first, as many at once as their service bears."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import structlog

from recorder.api import State
from recorder.delivery.breaker import Breaker
from recorder.errors import Damaged, KeyTaken, NoSuchObject, StoreFailed
from recorder.spooling.recording import Recording
from vault.kms import KeyUnavailable, KmsAway

FIRST_DELAY = 0.5
LONGEST_DELAY = 60.0
Step = Callable[[Recording], Awaitable[None]]
log = structlog.get_logger()


class Lane:
    """Does the step that a recording's state asks for, and the next, until there is none. A step that fails is tried
    again later; one that cannot succeed puts the recording into quarantine."""

    def __init__(
        self,
        steps: dict[State, Step],
        quarantine: Callable[[Recording, Exception], Awaitable[None]],
        tell: Callable[[Recording], None],
        width: int = 1,
    ) -> None:
        self._steps = steps
        self._quarantine = quarantine
        self._tell = tell
        self._breaker = Breaker(width)
        self._waiting: dict[str, Recording] = {}
        self._working: dict[str, asyncio.Task[None]] = {}
        self._delays: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._wake = asyncio.Event()

    def add(self, recording: Recording) -> None:
        self._waiting[recording.id] = recording
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._wake.clear()
                while self._breaker.room(loop.time(), len(self._working)) > 0 and (found := self._next(loop.time())):
                    self._working[found.id] = asyncio.create_task(self._work(found))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(self._deadline()):
                        await self._wake.wait()
        finally:
            tasks = tuple(self._working.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _idle(self) -> dict[str, Recording]:
        return {name: recording for name, recording in self._waiting.items() if name not in self._working}

    def _next(self, now: float) -> Recording | None:
        due = (recording for name, recording in self._idle().items() if self._due.get(name, 0.0) <= now)
        return min(due, key=lambda recording: recording.journal.times["sealed"], default=None)

    def _deadline(self) -> float | None:
        """When there is something to do that nobody tells us of; None: until then nothing."""
        now = asyncio.get_running_loop().time()
        if self._working and self._breaker.room(now, len(self._working)) <= 0:
            return None
        due = min((self._due.get(name, 0.0) for name in self._idle()), default=None)
        return None if due is None else max(due, self._breaker.next_try())

    async def _work(self, recording: Recording) -> None:
        try:
            await self._advance(recording)
            self._forget(recording)
        except (StoreFailed, NoSuchObject, KmsAway, OSError) as error:
            if isinstance(error, StoreFailed):
                self._breaker.failed(asyncio.get_running_loop().time(), random.uniform(0.5, 1.0))
            self._postpone(recording, str(error))
        except Exception as error:  # a fault with one recording must not hold up all others
            log.exception("! delivery failed", recording=recording.id)
            self._postpone(recording, type(error).__name__)
        finally:
            del self._working[recording.id]
            self._wake.set()

    async def _advance(self, recording: Recording) -> None:
        try:
            while step := self._steps.get(recording.journal.state):
                await step(recording)
                self._has_worked()
        except (Damaged, KeyTaken, KeyUnavailable) as error:
            await self._quarantine(recording, error)

    def _has_worked(self) -> None:
        """The service is back: those who waited for it do not wait any longer."""
        if self._breaker.open:
            self._delays.clear()
            self._due.clear()
        self._breaker.succeeded()

    def _postpone(self, recording: Recording, reason: str) -> None:
        delay = min(2 * self._delays.get(recording.id, FIRST_DELAY / 2), LONGEST_DELAY)
        self._delays[recording.id] = delay
        self._due[recording.id] = asyncio.get_running_loop().time() + delay * random.uniform(0.5, 1.0)
        log.warning("! not delivered yet", recording=recording.id, state=recording.journal.state, reason=reason)
        if recording.trouble != reason:
            recording.trouble = reason
            self._tell(recording)

    def _forget(self, recording: Recording) -> None:
        del self._waiting[recording.id]
        self._delays.pop(recording.id, None)
        self._due.pop(recording.id, None)
