"""The legs whose packets are passed on in regular order, as columns: what a packet of theirs asks for is done for all
of a batch at once, and no object is made of it.

A *run* begins with a packet that was passed on to the one leg that hears its source, and goes on as long as each packet
is the one after the last: the same source, payload type and length, no marker, the next number and timestamp, and in
time. Whatever else comes ends the run first: what its packets came to is told to the objects that count, and the packet
goes their way. So a run changes nothing that can be seen, but what it costs.

Packets are compared, stamped and sent as they come. What they say of delay and jitter is reckoned once a tick.
"""

from collections.abc import Iterable
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from relay.lines import Lines
from relay.lines.batch import Batch, Column
from relay.passing.pace import Ending, Pace, PaceStart
from relay.passing.waiting import FRAME, Coded, Frames, Hush, Queue, Waiting
from relay.streams.rtp import HEADER_SIZE

_NEVER = 1 << 40
"""No four octets are this number."""


class Looks(msgspec.Struct, frozen=True):
    """How the packets of a run look: what is the same in all of them. Numbers all."""

    head: int
    """The first four octets without the sequence number."""
    ssrc: int
    least: int
    """Octets, and the most."""
    most: int
    mask: int
    """What of the two octets after the header is the same."""
    content: int
    patience_ns: int
    """The next one has come before."""
    to: int
    """The line that they go out on, or KEPT: they wait for their turn."""
    out_head: int
    out_ssrc: int
    samples: int
    """The length of each, in units of the clock."""


_PATIENCE, _TO, _SAMPLES = (Looks.__struct_fields__.index(name) for name in ("patience_ns", "to", "samples"))
_LAST, _LOOK = 4, 5
KEPT = -1


class Start(msgspec.Struct, frozen=True):
    """The packet that a run follows on, and how those that follow look."""

    looks: Looks
    next: tuple[int, int, int, int]
    """Sequence number and timestamp of the next packet, extended, and those that it is passed on by."""
    arrival_ns: int
    look_ns: int
    """When the run wants to see a packet."""
    pace: PaceStart


class Run(Protocol):
    """Who is told of the packets that are passed on in columns."""

    def look(self, counters: tuple[int, int], payload: bytes, arrival_ns: int) -> int:
        """Sees a packet; returns when it wants to see another. `counters`: sequence number and timestamp, extended."""

    def end(self) -> None:
        """It has to end now."""


class Express:
    """Of all legs of a worker; rows of the columns are numbers of lines."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._runs: dict[int, Run] = {}
        self._pace = Pace()
        self._waiting = Waiting()
        self._size = 0
        self._fixed = np.zeros((0, len(Looks.__struct_fields__)), np.int64)
        """What each run's packets look like, as in Looks."""
        self._state = np.zeros((0, 6), np.int64)
        """Sequence number and timestamp of the packet that is expected, extended; those that it will go by; when the
        last one came; when the run wants to see one."""
        self._seen = np.zeros(0, np.int64)
        self._taken: list[tuple[Column, Column, Column]] = []
        """Rows, arrivals and sizes of what was not reckoned yet."""

    def __len__(self) -> int:
        """Runs that go on."""
        return len(self._runs)

    def begin(self, line: int, run: Run, start: Start) -> None:
        """What follows on the packet that `start` tells of, on that line, is the run's."""
        self._grow(line + 1)
        self._runs[line] = run
        self._fixed[line] = msgspec.structs.astuple(start.looks)
        self._state[line] = (*start.next, start.arrival_ns, start.look_ns)
        self._pace.begin(line, start.pace, start.next[1] - start.looks.samples)

    def keep(self, line: int, queue: Queue) -> None:
        """The packets of the run that has begun wait behind these."""
        self._waiting.begin(line, queue)

    def give_back(self, line: int) -> Queue:
        """What waits of a run that has not ended yet, but will now."""
        return self._waiting.end(line, int(self._state[line, 0]))

    def end(self, line: int) -> Ending:
        """The run ends, having come to this since it was asked last."""
        ending = self.come_to(line)
        self._fixed[line, 0] = _NEVER
        del self._runs[line]
        return ending

    def come_to(self, line: int) -> Ending:
        """What the run has come to since it began, or was asked last."""
        self._reckon()
        return self._pace.take(line, self.last_ns(line), int(self._fixed[line, _SAMPLES]))

    def last_ns(self, line: int) -> int:
        """When the run's last packet came."""
        return int(self._state[line, _LAST])

    def settle(self, now_ns: int) -> None:
        """Once a tick: reckons, and ends the runs of those from whom nothing comes any more."""
        if not self._runs:
            return
        self._reckon()
        over = (self._fixed[:, 0] != _NEVER) & (now_ns - self._state[:, _LAST] >= self._fixed[:, _PATIENCE])
        for row in np.flatnonzero(over).tolist():
            self._runs[row].end()

    def play(self, now_ns: int, hush: Hush) -> tuple[list[Frames], list[Coded]]:
        """What is played in this tick, after `settle`. What is not in order goes back to its leg first."""
        if not len(self._waiting):
            return [], []
        rows, odd = self._waiting.judge(now_ns, self._state[:, :2], self._pace, hush.quiet)
        for row in odd.tolist():
            self._runs[row].end()
        return self._waiting.play(rows, hush.silent)

    def take(self, batch: Batch) -> Iterable[int]:
        """Passes on what is expected; returns the places of all else."""
        if not self._runs:
            return range(len(batch))
        rows = batch.lines
        self._grow(int(rows.max()) + 1)
        fixed, state = self._fixed.take(rows, axis=0).T, self._state.take(rows, axis=0)
        fits = _fits(batch, fixed, state.T)
        odd = ~fits & (fixed[0] != _NEVER)
        if odd.any():  # what comes beside it keeps its place
            fits &= ~np.isin(rows, rows[odd])
        places = fits.nonzero()[0]
        # Of a packet that comes twice in a batch one is the one expected.
        self._seen[rows[places]] = places
        once = self._seen[rows[places]] == places
        if not once.all():
            fits[places[~once]] = False
            places = places[once]
        if len(places):
            self._pass_on(batch, places, fixed[:, places], state[places])
        return () if len(places) == len(batch) else (~fits).nonzero()[0].tolist()

    def _pass_on(self, batch: Batch, places: Column, fixed: Column, state: Column) -> None:
        rows, arrivals = batch.lines[places], batch.arrivals[places]
        slots, sizes = batch.slots[places], batch.sizes[places]
        if (due := arrivals >= state[:, _LOOK]).any():
            self._look(batch, places[due], state[due])
            state[:, _LOOK] = self._state[rows, _LOOK]
        samples = fixed[_SAMPLES]
        if not len(self._waiting):
            self._forward(batch, slots, sizes, (fixed, state))
        elif (kept := fixed[_TO] == KEPT).all():
            self._waiting.put(rows, state[:, 0], (batch.payloads(slots, FRAME), sizes - HEADER_SIZE))
        else:
            payloads = batch.payloads(slots[kept], FRAME), sizes[kept] - HEADER_SIZE
            self._waiting.put(rows[kept], state[kept, 0], payloads)
            if not kept.all():
                self._forward(batch, slots[~kept], sizes[~kept], (fixed[:, ~kept], state[~kept]))
        state[:, 0] += 1
        state[:, 1] += samples
        state[:, 2] += 1
        state[:, 3] += samples
        state[:, _LAST] = arrivals
        self._state[rows] = state
        self._taken.append((rows, arrivals, sizes))

    def _forward(self, batch: Batch, slots: Column, sizes: Column, run: tuple[Column, Column]) -> None:
        (to, head, ssrc), state = run[0][_TO:_SAMPLES], run[1]
        batch.stamp(slots, (head | state[:, 2] & 0xFFFF, state[:, 3], ssrc))
        self._lines.forward(to, slots, sizes)

    def _look(self, batch: Batch, places: Column, state: Column) -> None:
        """Shows packets to the runs that want to see them, before they are protected."""
        for place, (sequence, timestamp, *_) in zip(places.tolist(), state.tolist(), strict=True):
            row, payload = int(batch.lines[place]), batch.data(place)[HEADER_SIZE:]
            arrival_ns = int(batch.arrivals[place])
            self._state[row, _LOOK] = self._runs[row].look((sequence, timestamp), payload, arrival_ns)

    def _reckon(self) -> None:
        taken, self._taken = self._taken, []
        if not taken:
            return
        rows, arrivals, sizes = (np.concatenate(columns) for columns in zip(*taken, strict=True))
        self._seen[rows] = np.arange(len(rows))
        if (self._seen[rows] == np.arange(len(rows))).all():
            taken = [(rows, arrivals, sizes)]
        for rows, arrivals, sizes in taken:
            self._pace.add(rows, arrivals, sizes - HEADER_SIZE, self._fixed[rows, _SAMPLES])

    def _grow(self, size: int) -> None:
        if size <= self._size:
            return
        more = max(64, size) * 2 - self._size
        self._size += more
        for name in ("_fixed", "_state", "_seen"):
            table = getattr(self, name)
            setattr(self, name, np.concatenate([table, np.zeros((more, *table.shape[1:]), np.int64)]))
        self._fixed[-more:, 0] = _NEVER
        self._pace.grow(self._size)
        self._waiting.grow(self._size)


def _fits(batch: Batch, fixed: Column, state: Column) -> npt.NDArray[np.bool_]:
    """Which packets are those that are expected."""
    head, ssrc, least, most, mask, content, patience = fixed[:_TO]
    fits: npt.NDArray[np.bool_] = (
        (batch.heads == (head | state[0] & 0xFFFF))
        & (batch.timestamps == state[1] & 0xFFFFFFFF)
        & (batch.ssrcs == ssrc)
        & (batch.sizes >= least)
        & (batch.sizes <= most)
        & (batch.contents & mask == content)
        & (batch.arrivals - state[_LAST] < patience)
    )
    return fits
