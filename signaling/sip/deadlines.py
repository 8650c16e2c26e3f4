"""Many timers, one next deadline."""

import heapq
from itertools import count
from typing import Protocol

SLACK = 256
"""Stale entries that are not worth a sweep."""


class Timed(Protocol):
    def handle_timer(self, name: str, now: float) -> None: ...


class Deadlines:
    """Timers by owner and name, in seconds of the caller's clock. Cancelling is lazy: the heap forgets in its turn, or
    when most of what it holds is stale, so that timers of an hour do not outlive their calls by it."""

    def __init__(self) -> None:
        self._due: dict[tuple[Timed, str], float] = {}
        self._heap: list[tuple[float, int, tuple[Timed, str]]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._due)

    def set(self, owner: Timed, name: str, at: float) -> None:
        self._due[owner, name] = at
        heapq.heappush(self._heap, (at, next(self._order), (owner, name)))
        if len(self._heap) > 2 * len(self._due) + SLACK:
            self._heap = [entry for entry in self._heap if self._due.get(entry[2]) == entry[0]]
            heapq.heapify(self._heap)

    def cancel(self, owner: Timed, name: str) -> None:
        self._due.pop((owner, name), None)

    def due(self, owner: Timed, name: str) -> float | None:
        """When it fires; None: it does not run."""
        return self._due.get((owner, name))

    def next(self) -> float | None:
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def fire(self, now: float) -> None:
        """Calls every owner whose time has come, in order."""
        while (at := self.next()) is not None and at <= now:
            owner, name = heapq.heappop(self._heap)[2]
            del self._due[owner, name]
            owner.handle_timer(name, now)
