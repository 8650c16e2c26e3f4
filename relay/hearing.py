"""Who hears whom, as columns: the cells of all rooms' hearing matrices that are not zero, ordered by listener. Pure."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from relay.api import Hear

Rows = npt.NDArray[np.intp]
Gains = npt.NDArray[np.float32]

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
    of_listener: dict[int, int]
    """Row of a leg -> its mix. Who is not in it hears nothing."""


_NO_MIXES = Mixes(NO_CELLS.sources, NO_CELLS.gains, NO_CELLS.sources, {})


class Matrix:
    """A room's hearing, as it was said: by names, some of which may mean nothing now.

    Of two cells for a pair the last holds; a gain of zero, or none that is a number, is no cell."""

    def __init__(self, hearing: Sequence[Hear] = ()) -> None:
        numbers: dict[str, int] = {}
        listeners = [numbers.setdefault(hear.listener, len(numbers)) for hear in hearing]
        sources = [numbers.setdefault(hear.source, len(numbers)) for hear in hearing]
        self._names = list(numbers)
        pairs = np.array(listeners, np.intp) * len(numbers) + np.array(sources, np.intp)
        # The last of each pair is the first from behind; `unique` orders by listener, then by source.
        pairs, last = np.unique(pairs[::-1], return_index=True)
        gains = np.array([hear.gain for hear in hearing], np.float64)[::-1][last]
        said = np.isfinite(gains) & (gains != 0)
        self._listeners, self._sources = np.divmod(pairs[said], max(1, len(numbers)))
        self._gains = np.clip(gains[said], -MAX_GAIN, MAX_GAIN).astype(np.float32)

    def cells(self, listeners: Mapping[str, int], sources: Mapping[str, int]) -> Cells:
        """The cells whose names are there, with their rows; a listener's lie together."""
        there, listener_rows, source_rows = self._find(listeners, sources)
        return Cells(listener_rows[there], source_rows[there], self._gains[there])

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


def joined(parts: Sequence[Cells]) -> Cells:
    """The cells of any number of rooms."""
    if not parts:
        return NO_CELLS
    return Cells(
        np.concatenate([part.listeners for part in parts]),
        np.concatenate([part.sources for part in parts]),
        np.concatenate([part.gains for part in parts]),
    )


def distinct_mixes(cells: Cells, sounding: npt.NDArray[np.bool_]) -> Mixes:
    """What is to be mixed now that only the rows marked in `sounding` make a sound: each different mix once."""
    if not len(cells.listeners):
        return _NO_MIXES
    audible = sounding[cells.sources]
    listeners, sources, gains = cells.listeners[audible], cells.sources[audible], cells.gains[audible]
    begins = np.flatnonzero(np.diff(listeners, prepend=-1))
    ends = np.append(begins[1:], len(listeners))
    numbers: dict[tuple[bytes, bytes], int] = {}
    of_listener: dict[int, int] = {}
    chosen: list[tuple[int, int]] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True) if len(listeners) else ():
        content = sources[begin:end].tobytes(), gains[begin:end].tobytes()
        if content not in numbers:
            numbers[content] = len(chosen)
            chosen.append((begin, end))
        of_listener[int(listeners[begin])] = numbers[content]
    return _gathered(sources, gains, chosen, of_listener)


def _gathered(sources: Rows, gains: Gains, spans: list[tuple[int, int]], of_listener: dict[int, int]) -> Mixes:
    lengths = [end - begin for begin, end in spans]
    wanted = np.array([at for begin, end in spans for at in range(begin, end)], np.intp)
    starts = np.cumsum([0, *lengths[:-1]], dtype=np.intp)[: len(spans)]
    return Mixes(sources[wanted], gains[wanted], starts, of_listener)
