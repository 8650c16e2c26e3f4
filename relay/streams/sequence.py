"""A leg's sequence numbers: what came, came twice, never came, or began anew (RFC 3550 appendix A). Pure."""

from typing import Literal

MAX_DROPOUT, MAX_MISORDER = 3000, 100
"""RFC 3550 appendix A.1: farther ahead or behind, it is a restart if the next packet follows on."""

_WINDOW = (1 << 128) - 1

Verdict = Literal["new", "again", "strange", "restart"]


class SequenceStats:
    """What came of a leg's sequence numbers (RFC 3550 appendix A.3), over all its sources."""

    def __init__(self) -> None:
        self.received = 0
        self.late = 0
        self.duplicated = 0
        self.jitter_ms = 0.0
        self._lost_before = 0
        self._first: int | None = None
        self.start()

    def start(self) -> None:
        """A new source, or one that counts from somewhere else now."""
        self._lost_before = self.lost
        self._first = None
        self._highest = 0
        self._window = 0
        self._suspect: int | None = None
        self.since_start = 0

    @property
    def lost(self) -> int:
        """Numbers that never came, so far."""
        if self._first is None:
            return self._lost_before
        return self._lost_before + max(0, self._highest - self._first + 1 - self.since_start)

    def count(self, sequence: int) -> Verdict:
        """Counts one extended sequence number; only of "new" and "restart" is the packet to be used."""
        if self._first is None:
            return self._accept_first(sequence, "new")
        ahead = sequence - self._highest
        if ahead > MAX_DROPOUT or ahead < -MAX_MISORDER:
            return self._suspicious(sequence)
        bit = 1 << -ahead if ahead <= 0 else 0
        if self._window & bit:
            self.duplicated += 1
            return "again"
        if ahead > 0:
            self._window = (self._window << ahead) & _WINDOW
            self._highest = sequence
        self._window |= bit or 1
        self._first = min(self._first, sequence)
        self._add()
        return "new"

    def advance(self, packets: int, jitter_ms: float) -> None:
        """So many more came in order, each the one after the highest."""
        self.received += packets
        self.since_start += packets
        self._highest += packets
        self._window = ((self._window + 1 << packets) - 1) & _WINDOW
        self.jitter_ms = jitter_ms

    def is_newest(self, sequence: int) -> bool:
        """Whether it is the highest that has come."""
        return self._first is not None and sequence == self._highest

    def _suspicious(self, sequence: int) -> Verdict:
        if sequence != self._suspect:
            self._suspect = sequence + 1
            return "strange"
        self.start()
        return self._accept_first(sequence, "restart")

    def _accept_first(self, sequence: int, verdict: Verdict) -> Verdict:
        self._first = self._highest = sequence
        self._window = 1
        self._add()
        return verdict

    def _add(self) -> None:
        self.received += 1
        self.since_start += 1
