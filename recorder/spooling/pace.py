"""Whether a worker has sent more sound than time has gone by since its sound was last on the disk. Pure.

What is written and not synced is lost when the power goes. Of sound that comes as it is spoken that is half a second;
of what a worker held and sends all at once, while the recorder was away, it would be seconds.
"""

from typing import NamedTuple

AHEAD_NS = 100_000_000


class Point(NamedTuple):
    """Up to where sound has come, and when; ns, each on a clock of its own."""

    clock: int
    """0: it is not known."""
    arrived: int


class Pace:
    """Of one connection. Of what came first it is taken that all before it is on the disk."""

    def __init__(self) -> None:
        self._synced: Point | None = None

    def begin(self, point: Point) -> None:
        """The first one counts."""
        self._synced = self._synced or point

    def reach(self, point: Point) -> None:
        """All up to here is on the disk."""
        if self._synced is None or point.clock > self._synced.clock:
            self._synced = point

    def is_ahead(self, point: Point) -> bool:
        """Also when it is not known, as of what is sent a second time."""
        if self._synced is None or not point.clock:
            return True
        return (point.clock - self._synced.clock) - (point.arrived - self._synced.arrived) > AHEAD_NS
