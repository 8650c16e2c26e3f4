"""Who hears whom, as columns: the cells of all rooms' hearing matrices that are not zero, ordered by listener. Pure."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from relay.api import Hear, HearAll

Rows = npt.NDArray[np.intp]
Gains = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

NO_MIX = -1
MAX_GAIN = 16.0
"""24 dB: more is taken for a slip, and is not passed on to anyone's ears."""


class Cells(msgspec.Struct, frozen=True):
    """Cell i: the leg in row `listeners[i]` hears the source in row `sources[i]` at `gains[i]`."""

    listeners: Rows
    sources: Rows
    gains: Gains


NO_CELLS = Cells(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32))


class Mixes(msgspec.Struct, frozen=True):
    """The different mixes of a tick. Mix m sums the cells from `starts[m]` to the next one's start."""

    sources: Rows
    gains: Gains
    starts: Rows
    of_row: Rows
    """The mix of each row that is a listener's; NO_MIX: it hears nothing."""
    loud: Rows
    """Mixes that may go beyond full scale: of more than one source, or amplified."""
    scaled: bool
    """Any of the gains is not one."""

    def of_listener(self, row: int) -> int | None:
        """The mix that is heard in a row; None: nothing."""
        number = int(self.of_row[row])
        return None if number == NO_MIX else number


class Matrix:
    """A room's hearing, as it was said: by names, some of which may mean nothing now.

    Of two cells for a pair the last holds; a gain of zero, or none that is a number, is no cell."""

    def __init__(self, hearing: Sequence[Hear] = (), groups: Sequence[HearAll] = ()) -> None:
        """Cells of `hearing` stand over those of groups, those of a group over those of the groups before it."""
        numbers: dict[str, int] = {}
        told = [_cells_of(group, numbers) for group in groups]
        listeners = [numbers.setdefault(hear.listener, len(numbers)) for hear in hearing]
        sources = [numbers.setdefault(hear.source, len(numbers)) for hear in hearing]
        told.append(Cells(*map(np.asarray, (listeners, sources, [hear.gain for hear in hearing]))))
        self._names = list(numbers)
        pairs = np.concatenate([each.listeners * len(numbers) + each.sources for each in told]).astype(np.intp)
        # The last of each pair is the first from behind; `unique` orders by listener, then by source.
        pairs, last = np.unique(pairs[::-1], return_index=True)
        gains = np.concatenate([each.gains for each in told])[::-1][last]
        said = np.isfinite(gains) & (gains != 0)
        numbered = np.divmod(pairs[said], max(1, len(numbers)))
        self._listeners, self._sources = (column.astype(np.int32) for column in numbered)
        self._gains = np.clip(gains[said], -MAX_GAIN, MAX_GAIN).astype(np.float32)

    def cells(self, listeners: Mapping[str, int], sources: Mapping[str, int]) -> Cells:
        """The cells whose names are there, with their rows; a listener's lie together."""
        there, listener_rows, source_rows = self._find(listeners, sources)
        return Cells(listener_rows[there], source_rows[there], self._gains[there])

    def listeners(self, source: str) -> list[str]:
        """The names of those who hear a source."""
        if source not in self._names:
            return []
        heard = self._sources == self._names.index(source)
        return [self._names[number] for number in self._listeners[heard].tolist()]

    def heard_alone(self, listeners: Mapping[str, int], sources: Mapping[str, int]) -> dict[int, int]:
        """Row of a listener -> row of the one source that it hears, of those who hear one at a gain of one."""
        there, listener_rows, source_rows = self._find(listeners, sources)
        rows, first, counts = np.unique(listener_rows[there], return_index=True, return_counts=True)
        alone = (counts == 1) & (self._gains[there][first] == 1.0)
        return dict(zip(rows[alone].tolist(), source_rows[there][first][alone].tolist(), strict=True))

    def _find(self, listeners: Mapping[str, int], sources: Mapping[str, int]) -> tuple[Rows, Rows, Rows]:
        """Which cells are there, and all cells' rows, -1 for a name that is not."""
        of_listener = np.array([listeners.get(name, -1) for name in self._names], np.intp)[self._listeners]
        of_source = np.array([sources.get(name, -1) for name in self._names], np.intp)[self._sources]
        return np.flatnonzero((of_listener >= 0) & (of_source >= 0)), of_listener, of_source


def joined(rooms: Sequence[Cells]) -> Cells:
    """The cells of any number of rooms."""
    parts = [cells for cells in rooms if len(cells.sources)]
    if len(parts) < 2:
        return parts[0] if parts else NO_CELLS
    return Cells(
        np.concatenate([part.listeners for part in parts]),
        np.concatenate([part.sources for part in parts]),
        np.concatenate([part.gains for part in parts]),
    )


class MixPlan:
    """What is to be mixed of some cells, tick by tick: it is found out anew only when others make a sound."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._sounding = b""
        self._mixes = distinct_mixes(NO_CELLS, np.zeros(0, np.bool_))

    def mixes(self, sounding: Flags) -> Mixes:
        """As `distinct_mixes`."""
        if (now := sounding.tobytes()) != self._sounding:
            self._sounding, self._mixes = now, distinct_mixes(self._cells, sounding)
        return self._mixes


def distinct_mixes(cells: Cells, sounding: Flags) -> Mixes:
    """What is to be mixed now that only the rows marked in `sounding` make a sound: each different mix once."""
    audible = sounding[cells.sources]
    heard = Cells(cells.listeners[audible], cells.sources[audible], cells.gains[audible])
    of_row = np.full(len(sounding), NO_MIX, np.int64)
    if not len(heard.listeners):
        return Mixes(NO_CELLS.sources, NO_CELLS.gains, NO_CELLS.sources, of_row, NO_CELLS.sources, False)
    begins = np.flatnonzero(np.diff(heard.listeners, prepend=-1))
    lengths = np.diff(begins, append=len(heard.listeners))
    first, numbers = _alike(heard, begins, lengths)
    starts = np.cumsum(lengths[first]) - lengths[first]
    wanted = _places(begins[first], lengths[first])
    of_row[heard.listeners[begins]] = numbers
    gains = heard.gains[wanted]
    loud = np.flatnonzero((lengths[first] > 1) | (np.abs(gains[starts]) > 1.0))
    return Mixes(heard.sources[wanted], gains, starts, of_row, loud, bool((gains != 1.0).any()))


def _cells_of(group: HearAll, numbers: dict[str, int]) -> Cells:
    """By the numbers of names, which grow by those that are new."""
    listeners, sources = (
        np.array([numbers.setdefault(name, len(numbers)) for name in names], np.intp)
        for names in (group.listeners, group.sources)
    )
    pairs = np.repeat(listeners, len(sources)), np.tile(sources, len(listeners))
    others = pairs[0] != pairs[1]
    return Cells(pairs[0][others], pairs[1][others], np.full(int(others.sum()), group.gain))


def _alike(heard: Cells, begins: Rows, lengths: Rows) -> tuple[Rows, Rows]:
    """Of all listeners that hear the same the first, and for each listener the number of its first."""
    marks = np.add.reduceat(_marks(heard), begins)
    _, first, numbers = np.unique(marks, return_index=True, return_inverse=True)
    order = np.argsort(first)
    first, numbers = first[order], np.argsort(order)[numbers]
    # That marks are equal says little: nobody may hear what he should not.
    same = first[numbers]
    if (lengths[same] == lengths).all():
        cells, others = _places(begins, lengths), _places(begins[same], lengths)
        if (heard.sources[cells] == heard.sources[others]).all() and (heard.gains[cells] == heard.gains[others]).all():
            return first, numbers
    return np.arange(len(begins)), np.arange(len(begins))


def _marks(heard: Cells) -> npt.NDArray[np.uint64]:
    """A number for each cell, seldom the same for two that differ."""
    marks = heard.sources.astype(np.uint64) * _SPREAD[0] + heard.gains.view(np.uint32).astype(np.uint64) * _SPREAD[1]
    mixed: npt.NDArray[np.uint64] = (marks ^ (marks >> np.uint64(29))) * _SPREAD[2]
    return mixed


def _places(begins: Rows, lengths: Rows) -> Rows:
    """The places of spans, end to end."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) + np.repeat(begins - ends + lengths, lengths)


_SPREAD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93], np.uint64)
