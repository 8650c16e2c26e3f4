"""Who hears whom, as columns: the cells of all rooms' hearing matrices that are not zero, ordered by listener. Pure."""

import math
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from relay.api import Hear

Rows = npt.NDArray[np.intp]
Gains = npt.NDArray[np.float32]
Cell = tuple[int, int, float]
"""A listener's row, a source's row, a gain."""

MAX_GAIN = 16.0
"""24 dB: more is taken for a slip, and is not passed on to anyone's ears."""


class Cells(msgspec.Struct, frozen=True):
    """Cell i: the leg in row `listeners[i]` hears the source in row `sources[i]` at `gains[i]`."""

    listeners: Rows
    sources: Rows
    gains: Gains


class Mixes(msgspec.Struct, frozen=True):
    """The different mixes of a tick. Mix m sums the cells from `starts[m]` to the next one's start."""

    sources: Rows
    gains: Gains
    starts: Rows
    of_listener: dict[int, int]
    """Row of a leg -> its mix. Who is not in it hears nothing."""


def cells_of(hearing: Iterable[Hear], listeners: Mapping[str, int], sources: Mapping[str, int]) -> list[Cell]:
    """A room's cells whose names are there and whose gain is a number other than zero; of two for a pair the last."""
    gains = {(hear.listener, hear.source): hear.gain for hear in hearing}
    return [
        (listeners[listener], sources[source], max(-MAX_GAIN, min(gain, MAX_GAIN)))
        for (listener, source), gain in gains.items()
        if gain and math.isfinite(gain) and listener in listeners and source in sources
    ]


def columns(cells: Iterable[Cell]) -> Cells:
    """Cells of any number of rooms, ordered so that those who hear the same have the same columns."""
    ordered = sorted(cells)
    return Cells(
        np.array([cell[0] for cell in ordered], np.intp),
        np.array([cell[1] for cell in ordered], np.intp),
        np.array([cell[2] for cell in ordered], np.float32),
    )


def distinct_mixes(cells: Cells, sounding: npt.NDArray[np.bool_]) -> Mixes:
    """What is to be mixed now that only the rows marked in `sounding` make a sound: each different mix once."""
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
