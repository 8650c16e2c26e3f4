"""What is done with the packets of a batch and with the turns of a tick, for all runs at once: in numpy here, and by
relay/lines/_native.c where the lines are native. Both do the same.
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from relay.lines import Lines
from relay.lines.batch import RTP, Batch, Column
from relay.lines.plain import PlainLines
from relay.mixing.rows import SILENT_PEAK
from relay.passing.pace import units
from relay.passing.table import KEPT, LAST, LOOK, NEVER, PATIENCE, SAMPLES, TO, RunTable
from relay.passing.waiting import FRAME, PAST, SLOTS, Coded, Frames, Peaks, Turns
from relay.streams.rtp import HEADER_SIZE


class Taken(msgspec.Struct, frozen=True):
    """What has become of a batch."""

    left: Iterable[int]
    """Places of the packets that are not the next ones of their runs."""
    shown: list[tuple[int, int, int]] = []
    """Places of packets that their runs want to see, with their sequence numbers and timestamps, extended. They are in
    the batch as they came, but for their headers."""


class Waited(msgspec.Struct, frozen=True):
    batch: Batch
    """The last one."""
    taken: Taken
    """Of all that came."""
    slept_ns: int


class Steps(Protocol):
    """On a table of runs. A packet of which anything is not as expected is left, and all behind it of its line."""

    def take(self, batch: Batch) -> Taken:
        """Passes on, or keeps, what is expected."""

    def wait(self, other: int, until_ns: int) -> Waited | None:
        """Receives and takes each BEAT_NS, until then, or something is left or shown or was discarded, or `other` (a
        descriptor) can be read. None: it cannot do that."""

    def late(self, now_ns: int) -> list[int]:
        """The runs from which nothing comes any more."""

    def judge(self, now_ns: int, peaks: Peaks) -> Turns:
        """The turn of what is kept."""

    def decode(self, rows: Column, peaks: Peaks) -> tuple[list[Frames], list[Coded]]:
        """Takes away the next packet of each of these rows of Opus, whose turn it is: what is played is decoded, or to
        be decoded by whom its decoder belongs to."""


class NumpySteps:
    def __init__(self, table: RunTable, lines: PlainLines) -> None:
        self._table = table
        self._lines = lines
        self._seen = np.zeros(0, np.int64)

    def take(self, batch: Batch) -> Taken:
        rows, table = batch.lines, self._table
        table.grow(int(rows.max()) + 1)
        fixed, state = table.fixed.take(rows, axis=0).T, table.state.take(rows, axis=0)
        fits = self._fits(batch, fixed, state.T)
        odd = ~fits & (fixed[0] != NEVER) & (batch.kinds == RTP)
        if odd.any():  # what comes beside it keeps its place
            fits &= ~np.isin(rows, rows[odd])
        places = fits.nonzero()[0]
        # Of a packet that comes twice in a batch one is the one expected.
        if len(self._seen) < table.size:
            self._seen = np.zeros(table.size, np.int64)
        self._seen[rows[places]] = places
        once = self._seen[rows[places]] == places
        if not once.all():
            fits[places[~once]] = False
            places = places[once]
        self._lines.record(places, state[places, :2])
        shown = self._take(batch, places, fixed[:, places], state[places]) if len(places) else []
        left = () if len(places) == len(batch) else (~fits).nonzero()[0].tolist()
        return Taken(left, shown)

    def wait(self, other: int, until_ns: int) -> None:
        """Whoever asks has to come back."""

    def late(self, now_ns: int) -> list[int]:
        fixed, last = self._table.fixed, self._table.state[:, LAST]
        over: list[int] = ((fixed[:, 0] != NEVER) & (now_ns - last >= fixed[:, PATIENCE])).nonzero()[0].tolist()
        return over

    def judge(self, now_ns: int, peaks: Peaks) -> Turns:
        return self._table.waiting.judge(now_ns, self._table.state[:, :2], self._table.pace, peaks)

    def decode(self, rows: Column, peaks: Peaks) -> tuple[list[Frames], list[Coded]]:
        waiting = self._table.waiting
        return [], waiting.decode(rows, waiting.wake(rows, peaks <= SILENT_PEAK))

    def _take(self, batch: Batch, places: Column, fixed: Column, state: Column) -> list[tuple[int, int, int]]:
        rows, arrivals = batch.lines[places], batch.arrivals[places]
        slots, sizes, samples = batch.slots[places], batch.sizes[places], fixed[SAMPLES]
        due = arrivals >= state[:, LOOK]
        shown = list(zip(places[due].tolist(), *state[due, :2].T.tolist(), strict=True))
        kept = fixed[TO] == KEPT
        payloads = batch.payloads(slots[kept], FRAME), sizes[kept] - HEADER_SIZE
        self._table.waiting.put(rows[kept], state[kept, 0], payloads)
        self._forward(batch, slots[~kept], sizes[~kept], (fixed[:, ~kept], state[~kept]))
        state[:, 0] += 1
        state[:, 1] += samples
        state[:, 2] += 1
        state[:, 3] += samples
        state[:, LAST] = arrivals
        self._table.state[rows] = state
        self._table.pace.add(rows, arrivals, sizes - HEADER_SIZE, samples)
        return shown

    def _forward(self, batch: Batch, slots: Column, sizes: Column, run: tuple[Column, Column]) -> None:
        if not len(slots):
            return
        (to, head, ssrc), state = run[0][TO:SAMPLES], run[1]
        batch.stamp(slots, (head | state[:, 2] & 0xFFFF, state[:, 3], ssrc))
        self._lines.forward(list(zip(to.tolist(), batch.packets(slots, sizes), strict=True)))

    def _fits(self, batch: Batch, fixed: Column, state: Column) -> npt.NDArray[np.bool_]:
        """Which packets are those that are expected."""
        head, ssrc, least, most, mask, content, patience = fixed[:TO]
        fits: npt.NDArray[np.bool_] = (
            (batch.heads == (head | state[0] & 0xFFFF))
            & (batch.timestamps == state[1] & 0xFFFFFFFF)
            & (batch.ssrcs == ssrc)
            & (batch.sizes >= least)
            & (batch.sizes <= most)
            & (batch.contents & mask == content)
            & (batch.arrivals - state[LAST] < patience)
        )
        kept = (fits & (fixed[TO] == KEPT)).nonzero()[0]
        if len(kept):
            fits[kept] = self._can_be_kept(batch.lines[kept], batch.arrivals[kept], state[:, kept])
        return fits

    def _can_be_kept(self, rows: Column, arrivals: Column, state: Column) -> npt.NDArray[np.bool_]:
        """There is room for it, and it is timed by the same clock as those before it."""
        transit = units(arrivals, self._table.pace.clock(rows)) - state[1]
        room = state[0] - self._table.waiting.head(rows) < SLOTS - PAST
        fits: npt.NDArray[np.bool_] = room & ~self._table.pace.is_far(rows, transit)
        return fits


def make_steps(table: RunTable, lines: Lines) -> Steps:
    """The fastest steps for these lines."""
    if isinstance(lines, PlainLines):
        return NumpySteps(table, lines)
    from relay.passing.native_steps import NativeSteps  # which there is where there are other lines

    return NativeSteps(table, lines)
