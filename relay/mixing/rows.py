"""The sound of all sources of this tick, one row a source, at 8, 16 and 48 kHz. Pure.

A source gives its frame at one rate; another rate is made only where somebody needs it, for all such rows at once.
Mixing is linear, so it is the sources that are converted and not the mixes, and a filter's past belongs to a source.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from relay.formats import TICK_MS
from relay.mixing.resample import FULL, NARROW, PAST, RATES, TRIPLE_PAST, WIDE, Halfband, Triple

Samples = npt.NDArray[np.int16]
Rows = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Step = tuple[int, int]
"""From one rate to the next."""

SILENT_PEAK = 8
"""What A-law's silence decodes to."""
QUIET_PEAK = 100
"""-50 dBFS: a frame may be left out or put in here without being heard."""

HANG_TICKS = 50
"""How long a gated source is heard on after it was last loud enough to be speech."""

_NARROW_FRAME = NARROW * TICK_MS // 1000
_PASTS = {(NARROW, WIDE): PAST, (FULL, WIDE): TRIPLE_PAST[1], (WIDE, FULL): TRIPLE_PAST[0], (WIDE, NARROW): 2 * PAST}
"""The steps that there are, and how many samples each remembers of a source."""


class SourceRows:
    """A table of sources that grows. Each tick `begin`, `put` each frame, `settle`; then read `frames`, `sounding`."""

    def __init__(self, capacity: int = 16) -> None:
        self._free: list[int] = []
        halfband, triple = Halfband(_NARROW_FRAME), Triple()
        self._filters = {
            (NARROW, WIDE): halfband.up,
            (FULL, WIDE): triple.down,
            (WIDE, FULL): triple.up,
            (WIDE, NARROW): halfband.down,
        }
        self.frames: dict[int, Samples] = {rate: np.zeros((0, rate * TICK_MS // 1000), np.int16) for rate in RATES}
        self._past: dict[Step, Floats] = {step: np.zeros((0, past), np.float32) for step, past in _PASTS.items()}
        self._wanted: dict[int, Flags] = {rate: np.zeros(0, np.bool_) for rate in RATES}
        self._converted: dict[Step, Flags] = {step: np.zeros(0, np.bool_) for step in _PASTS}
        self._rate = np.zeros(0, np.int32)
        self._fresh: Flags = np.zeros(0, np.bool_)
        self._loud: Flags = np.zeros(0, np.bool_)
        self._gated: Flags = np.zeros(0, np.bool_)
        self._hang = np.zeros(0, np.int32)
        self._peak = np.zeros(0, np.int32)
        self._only = NARROW
        """The rate at which all sources are, and at which alone they are wanted; 0: there are several."""
        self._stirs = False
        """Something was put in this tick, or is heard of those before."""
        self.sounding: Flags = np.zeros(0, np.bool_)
        """Which rows make a sound in this tick; the others' frames mean nothing."""
        self._grow(capacity)

    def allot(self) -> int:
        """A row for a new source."""
        if not self._free:
            self._grow(len(self.sounding))
        return self._free.pop()

    def release(self, row: int) -> None:
        self.sounding[row] = self._fresh[row] = self._loud[row] = False
        for converted in self._converted.values():
            converted[row] = False
        self._peak[row] = self._hang[row] = self._rate[row] = 0
        self._free.append(row)

    def want(self, rate: int, rows: Rows) -> None:
        """Which rows are needed at a rate, from now on."""
        self._wanted[rate][:] = False
        self._wanted[rate][rows] = True
        used = [each for each in RATES if self._wanted[each].any() or (self._rate == each).any()]
        self._only = (used or [NARROW])[0] if len(used) < 2 else 0
        if self._only:
            for converted in self._converted.values():
                converted[:] = False

    def gate(self, rows: Rows) -> None:
        """Which rows are heard only while they speak: of many open microphones the hiss adds up, and it makes a
        different mix, and a different encode, of every listener's."""
        self._gated[:] = False
        self._gated[rows] = True

    @property
    def stirs(self) -> bool:
        """Whether there is, or was a moment ago, any sound."""
        return self._stirs

    @property
    def peaks(self) -> npt.NDArray[np.int32]:
        """`peak` of all rows; the same array, until there are more rows."""
        return self._peak

    def is_quiet(self, row: int) -> bool:
        """Whether the row's last frame was faint or none."""
        return bool(self._peak[row] < QUIET_PEAK)

    def peak(self, row: int) -> int:
        """Of the row's last frame; 0: there was none."""
        return int(self._peak[row])

    def begin(self) -> None:
        if self._stirs:
            self._fresh[:] = False

    def put(self, rows: list[int] | Rows, rate: int, frames: Samples) -> None:
        """int16[n, samples of a frame] for n rows."""
        self.frames[rate][rows] = frames
        self._rate[rows] = rate
        self._fresh[rows] = self._stirs = True
        if rate != self._only:
            self._only = 0

    def settle(self) -> None:
        """Finds out who is heard, and makes the rates that are wanted."""
        if not self._stirs:
            return
        self._measure()
        were_loud, self._loud = self._loud, self._peak > SILENT_PEAK
        # One tick longer, so that the filters' last two milliseconds come out.
        self.sounding = (self._loud | were_loud) & (self._speaks() | ~self._gated)
        if (silent := self.sounding & ~self._fresh).any():
            self._silence(np.flatnonzero(silent))
        if not self._only:
            self._convert_all()
        self._stirs = bool(self._fresh.any() or self._hang.any() or self._loud.any() or self.sounding.any())

    def _convert_all(self) -> None:
        to_full = self.sounding & self._wanted[FULL] & (self._rate != FULL)
        to_narrow = self.sounding & self._wanted[NARROW] & (self._rate != NARROW)
        # What goes from one end to the other comes through the middle.
        to_wide = self.sounding & (self._wanted[WIDE] | to_full | to_narrow)
        self._convert((NARROW, WIDE), to_wide & (self._rate == NARROW))
        self._convert((FULL, WIDE), to_wide & (self._rate == FULL))
        self._convert((WIDE, FULL), to_full)
        self._convert((WIDE, NARROW), to_narrow)

    def _measure(self) -> None:
        self._peak[:] = 0
        for rate in (self._only,) if self._only else RATES:
            rows = (self._fresh if self._only else self._fresh & (self._rate == rate)).nonzero()[0]
            if len(rows):
                frames = self.frames[rate][rows]
                self._peak[rows] = np.maximum(frames.max(axis=1), -frames.min(axis=1).astype(np.int32))

    def _speaks(self) -> Flags:
        self._hang = np.where(self._peak > QUIET_PEAK, HANG_TICKS, np.maximum(self._hang - 1, 0))
        return self._hang > 0

    def _silence(self, rows: Rows) -> None:
        for frames in self.frames.values():
            frames[rows] = 0

    def _convert(self, step: Step, which: Flags) -> None:
        rows = np.flatnonzero(which)
        begun = np.flatnonzero(which & ~self._converted[step])
        self._converted[step] = which
        if not len(rows):
            return
        source, target = step
        past = self._past[step]
        past[begun] = 0
        self.frames[target][rows], past[rows] = self._filters[step](self.frames[source][rows], past[rows])

    def _grow(self, more: int) -> None:
        size = len(self.sounding)
        self._free += range(size + more - 1, size - 1, -1)
        tables: tuple[dict[Any, Any], ...] = (self.frames, self._past, self._wanted, self._converted)
        for table in tables:
            for key, column in table.items():
                table[key] = longer(column, more)
        self._rate, self._fresh = longer(self._rate, more), longer(self._fresh, more)
        self._loud, self.sounding = longer(self._loud, more), longer(self.sounding, more)
        self._gated, self._hang = longer(self._gated, more), longer(self._hang, more)
        self._peak = longer(self._peak, more)


def longer(column: Any, more: int) -> Any:
    """What is not used takes no memory."""
    longer = np.zeros((len(column) + more, *column.shape[1:]), column.dtype)
    longer[: len(column)] = column
    return longer
