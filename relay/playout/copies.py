"""Whether a jitter buffer should wait for the copies that packets carry of those before them (Opus in-band FEC). Pure.

A copy is of use only if the packet after the lost one is here at the lost one's turn, which takes a packet's length of
delay more. That is worth it while copies come and packets are lost, and not otherwise.
"""

from collections import deque

LOSSES, WITHIN_MS = 2, 10_000
"""So many losses in so long a time, and a copy, too."""


class CopyWatch:
    """Follows one stream; times and lengths are in units of its clock."""

    __slots__ = ("_copied", "_length", "_losses", "_within")

    def __init__(self, clock: int) -> None:
        self._within = clock * WITHIN_MS // 1000
        self._losses: deque[int] = deque(maxlen=LOSSES)
        self._copied: int | None = None
        self._length = 0

    def copy(self, length: int, now: int) -> None:
        """A packet of that length came with a copy."""
        self._copied, self._length = now, length

    def loss(self, now: int) -> None:
        """One or more packets in a row did not come in time."""
        self._losses.append(now)

    def wait(self, now: int) -> int:
        """How much longer than otherwise to wait."""
        if self._copied is None or len(self._losses) < LOSSES:
            return 0
        return self._length if now - min(self._copied, self._losses[0]) < self._within else 0
