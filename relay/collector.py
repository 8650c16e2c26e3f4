"""The garbage collector by hand, since it must not stop the tick when it likes: what lives as long as the worker is
frozen, young garbage goes once a second, and all of it when nobody is on the line, or when many legs have gone.
Memory that is free then is given back to the system."""

import ctypes
import gc
import time

YOUNG_NS = 1_000_000_000
MIDDLE_NS = 10_000_000_000
GONE_LEGS = 1000
"""So many legs gone are a reason for the whole collection, though others are on the line."""


class Collector:
    def __init__(self) -> None:
        self.seconds = 0.0
        """That all collections together have taken."""
        self.longest = 0.0
        self._next_young = self._next_middle = 0
        # glibc's alone; where there is another library, it keeps what is free for later.
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._ended = 0

    def begin(self) -> None:
        """The worker is ready: what there is now stays."""
        gc.collect()
        self._give_back()
        gc.freeze()
        gc.disable()

    def keep(self, now_ns: int, legs: int, ended: int) -> None:
        """Collects what is due; a few times a second, right after a tick. `ended`: legs, from the beginning."""
        gone = ended - self._ended
        if gone and (legs == 0 or gone >= GONE_LEGS):
            self._ended = ended
            self._collect(2)
            if legs == 0:
                self._give_back()
        elif now_ns >= self._next_middle:
            self._next_middle = now_ns + MIDDLE_NS
            self._collect(1)
        elif now_ns >= self._next_young:
            self._next_young = now_ns + YOUNG_NS
            self._collect(0)

    def _give_back(self) -> None:
        """What is free, to the system."""
        if self._trim is not None:
            self._trim(0)

    def _collect(self, generation: int) -> None:
        begun = time.perf_counter()
        gc.collect(generation)
        took = time.perf_counter() - begun
        self.seconds += took
        self.longest = max(self.longest, took)
