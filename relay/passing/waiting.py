"""Jitter buffers of legs of G.711 and Opus whose packets come and are played in regular order, as columns: what
relay.playout.jitter decides for one leg is decided for all of them at once.

A row is regular while something waits, its lag is what is wanted, and nothing has to be made up, left out or dropped.
In the tick in which it is not, it is given back to its objects first. Pure.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from relay.codecs import g711
from relay.formats import TICK_MS
from relay.lines.batch import Column, Octets
from relay.mixing.resample import NARROW
from relay.passing.pace import Pace
from relay.passing.rest import CYCLE, Rest
from relay.playout import jitter

FRAME = NARROW * TICK_MS // 1000
"""Octets, samples and units of the clock in a packet of G.711; of Opus no more octets are kept."""
SLOTS = 16
PAST = CYCLE
"""Frames that were played and are kept, for what may have to be made up, or decoded after all."""
_SECOND = 1_000_000_000
_OPUS = -1
_PLACES = np.arange(FRAME)

Flags = npt.NDArray[np.bool_]


class Hush(msgspec.Struct, frozen=True):
    """Of each source of sound how its last frame was."""

    quiet: Flags
    """Faint or none."""
    silent: Flags
    """So faint that it was no sound, or none."""


class Queue(msgspec.Struct, frozen=True):
    """What waits in a jitter buffer."""

    law: g711.Law | None
    """None: Opus."""
    source: int
    """The leg's row of sound."""
    clock: int
    lent: jitter.Lent
    past: Sequence[bytes] = ()
    """Of those that were played, the last few."""
    undecoded: Sequence[bytes] = ()
    """Those at the end of `past` that are silence and have not been decoded."""


class Frames(msgspec.Struct, frozen=True):
    """What is played in a tick."""

    law: g711.Law
    sources: list[int]
    octets: Octets
    """uint8[sources, FRAME]."""


class Coded(msgspec.Struct, frozen=True):
    """A packet of Opus that is played in a tick."""

    source: int
    payload: bytes
    undecoded: Sequence[bytes] = ()
    """What has not been decoded before it: silence, of which the last few packets do."""


class Waiting:
    """Rows are the caller's."""

    def __init__(self) -> None:
        self._lines: set[int] = set()
        self._rows: Column | None = None
        self._ring = np.zeros((0, SLOTS, FRAME), np.uint8)
        self._head = np.zeros(0, np.int64)
        self._begun = np.zeros(0, np.int64)
        """The first that was played."""
        self._turns = np.zeros(0, np.int64)
        self._source = np.zeros(0, np.int64)
        self._law = np.zeros(0, np.int64)
        self._clock = np.zeros(0, np.int64)
        self._sizes = np.zeros((0, SLOTS), np.int64)
        self._rest = Rest()

    def __len__(self) -> int:
        return len(self._lines)

    def grow(self, size: int) -> None:
        """There are so many rows from now on."""
        for name in ("_ring", "_head", "_begun", "_turns", "_source", "_law", "_clock", "_sizes"):
            table = getattr(self, name)
            more = np.zeros((size - len(table), *table.shape[1:]), table.dtype)
            setattr(self, name, np.concatenate([table, more]))
        self._rest.grow(size)

    def begin(self, row: int, queue: Queue) -> None:
        self._lines.add(row)
        self._rows = None
        self._head[row] = self._begun[row] = queue.lent.first
        self._turns[row], self._source[row] = queue.lent.turns_over, queue.source
        self._law[row] = _OPUS if queue.law is None else g711.LAWS.index(queue.law)
        self._clock[row] = queue.clock
        self._rest.begin(row)
        for number, payload in enumerate(queue.lent.payloads, queue.lent.first):
            self._ring[row, number % SLOTS] = np.frombuffer(payload.ljust(FRAME, b"\0"), np.uint8)
            self._sizes[row, number % SLOTS] = len(payload)

    def put(self, rows: Column, sequences: Column, payloads: tuple[Octets, Column]) -> None:
        """A packet for each of the rows, each the next one of its row. `payloads`: uint8[rows, FRAME], and how many
        octets of each count."""
        slots = sequences % SLOTS
        octets, sizes = payloads
        if (short := sizes < FRAME).any():  # so that two packets can be compared whole
            octets[short] = np.where(sizes[short, None] > _PLACES, octets[short], 0)
        self._ring[rows, slots], self._sizes[rows, slots] = octets, sizes

    def end(self, row: int, following: int) -> Queue:
        """What waits, up to the packet before `following`, and what was played last."""
        self._lines.discard(row)
        self._rows = None
        first = int(self._head[row])
        played = range(max(int(self._begun[row]), first - PAST), first)
        waiting, past = self._payloads(row, range(first, following)), self._payloads(row, played)
        lent = jitter.Lent(first, waiting, int(self._turns[row]))
        law = int(self._law[row])
        return Queue(
            law=None if law == _OPUS else g711.LAWS[law],
            source=int(self._source[row]),
            clock=int(self._clock[row]),
            lent=lent,
            past=past,
            undecoded=past[len(past) - self._rest.undecoded(row) :],
        )

    def judge(self, now_ns: int, following: Column, pace: Pace, quiet: Flags) -> tuple[Column, Column]:
        """The rows that play in this tick, and those that are to be given back. `following`: of all rows, extended
        sequence number and timestamp of the packet that is expected; `quiet`: of all sources."""
        rows = self._active()
        sequence, timestamp = following[rows].T
        waiting = sequence - self._head[rows]
        base, target = pace.aim(rows)
        clock = self._clock[rows]
        frame = clock * TICK_MS // 1000
        now = now_ns // _SECOND * clock + now_ns % _SECOND * clock // _SECOND
        lag = now - base - (timestamp - waiting * frame)
        over, faint = lag - target, quiet[self._source[rows]]
        turns = np.where(over > frame + clock * jitter.MARGIN_MS // 1000, self._turns[rows] + 1, 0)
        much = turns >= np.where(faint, jitter.QUIET_TURNS, jitter.SPELL_TURNS)
        odd = (
            (waiting < 1)
            | (waiting >= SLOTS - PAST)
            | (lag > clock * jitter.MAX_WAIT_MS // 1000 + 2 * frame)
            | (faint & (over < 0))
            | (much & (over >= frame) & (waiting >= 2))
        )
        plain = rows[~odd]
        self._turns[plain] = turns[~odd]
        return plain, rows[odd]

    def play(self, rows: Column, silent: Flags) -> tuple[list[Frames], list[Coded]]:
        """The next frame of each row, but of those that rest. `silent`: of all sources, whether the last frame was
        silence."""
        coded = self._decode(rows[self._law[rows] == _OPUS], silent)
        octets = self._ring[rows, self._head[rows] % SLOTS]
        self._head[rows] += 1
        sources, laws = self._source[rows], self._law[rows]
        chosen = [(law, laws == number) for number, law in enumerate(g711.LAWS)]
        return [Frames(law, sources[which].tolist(), octets[which]) for law, which in chosen if which.any()], coded

    def _decode(self, rows: Column, silent: Flags) -> list[Coded]:
        """Of rows of Opus those packets that are to be decoded."""
        if not len(rows):
            return []
        rests = self._rest.are_calm(rows, silent[self._source[rows]])
        if rests.any():
            rests[rests] = self._are_again(rows[rests])
        awake, undecoded = self._rest.turn(rows, rests)
        columns = awake.tolist(), self._head[awake].tolist(), self._source[awake].tolist(), undecoded
        return [
            Coded(source, self._payload(row, head), self._payloads(row, range(head - rested, head)))
            for row, head, source, rested in zip(*columns, strict=True)
        ]

    def _are_again(self, rows: Column) -> Flags:
        """Whether the next packet of each row is the same as one of the CYCLE before it."""
        words, heads = self._ring.view(np.uint64), self._head[rows]
        again = np.zeros(len(rows), np.bool_)
        for back in range(CYCLE, 0, -1):
            left = np.flatnonzero(~again)
            if not len(left):
                break
            row, now, then = rows[left], heads[left] % SLOTS, (heads[left] - back) % SLOTS
            same = (words[row, now] == words[row, then]).all(axis=1)
            again[left] = same & (self._sizes[row, now] == self._sizes[row, then])
        return again

    def _payloads(self, row: int, numbers: range) -> list[bytes]:
        return [self._payload(row, number) for number in numbers]

    def _payload(self, row: int, number: int) -> bytes:
        slot = number % SLOTS
        return self._ring[row, slot, : self._sizes[row, slot]].tobytes()

    def _active(self) -> Column:
        if self._rows is None:
            self._rows = np.array(sorted(self._lines), np.int64)
        return self._rows
