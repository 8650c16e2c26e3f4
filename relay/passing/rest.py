"""Packets of Opus that are silence and need not be decoded, as columns.

A microphone that is switched off sends the same few packets again and again: a coder of silence comes to a cycle of at
most CYCLE packets. After CALM_TURNS packets of silence in a row, one that is the same as one of the CYCLE before it is
known to be silence, too, and its row rests. A decoder of silence forgets within a few packets, so it is as if nothing
had been left out once the last CYCLE packets are decoded before whatever comes next. Pure.
"""

import numpy as np
import numpy.typing as npt

from relay.lines.batch import Column

Flags = npt.NDArray[np.bool_]

CYCLE = 4
"""Packets after which a coder of silence repeats itself: SILK counts a seed up to four (RFC 6716 §4.2.7.7)."""
CALM_TURNS = 50
"""Packets of silence in a row, after which one need not be decoded: by then a decoder has learnt the noise of the
pause, of which it makes up what is lost in it."""


class Rest:
    """Rows are the caller's."""

    def __init__(self) -> None:
        self._calm = np.zeros(0, np.int64)
        """Packets of silence in a row."""
        self._rested = np.zeros(0, np.int64)
        """Packets that were not decoded since the last one that was."""

    @property
    def columns(self) -> tuple[Column, Column]:
        """What relay/lines/_runs.c goes on with, in its order; until `grow`."""
        return self._calm, self._rested

    def grow(self, size: int) -> None:
        """There are so many rows from now on."""
        self._calm, self._rested = (
            np.concatenate([column, np.zeros(size - len(column), np.int64)]) for column in (self._calm, self._rested)
        )

    def begin(self, row: int) -> None:
        self._calm[row] = self._rested[row] = 0

    def undecoded(self, row: int) -> int:
        """How many of the row's last packets are to be decoded before the next one."""
        return min(int(self._rested[row]), CYCLE)

    def are_calm(self, rows: Column, silent: Flags) -> Flags:
        """Once a turn, whether the rows may rest. `silent`: whether the last packet was silence."""
        self._calm[rows] = np.where(silent, self._calm[rows] + 1, 0)
        return self._calm[rows] >= CALM_TURNS

    def turn(self, rows: Column, rests: Flags) -> tuple[Column, list[int]]:
        """The rows whose next packet is to be decoded, and `undecoded` of each. `rests`: they are calm, and the packet
        is one of the CYCLE before it."""
        self._rested[rows[rests]] += 1
        awake = rows[~rests]
        undecoded = np.minimum(self._rested[awake], CYCLE).tolist()
        self._rested[awake] = 0
        return awake, undecoded
