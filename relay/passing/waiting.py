"""Jitter buffers of legs of G.711 and Opus whose packets come and are played in regular order, as columns: what
relay.playout.jitter decides for one leg is decided for all of them at once.

A row is regular while something waits, its lag is what is wanted, and nothing has to be made up, left out or dropped.
In the tick in which it is not, it is given back to its objects first. Pure.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from relay.codecs import g711, opus
from relay.codecs.conceal import crossfade
from relay.formats import TICK_MS
from relay.lines.batch import Column, Octets
from relay.mixing.resample import NARROW
from relay.mixing.rows import QUIET_PEAK, SILENT_PEAK, longer
from relay.passing.pace import Pace, units
from relay.passing.rest import CYCLE, Rest
from relay.playout import jitter
from relay.playout.voice import Samples

FRAME = NARROW * TICK_MS // 1000
"""Octets, samples and units of the clock in a packet of G.711; of Opus no more octets are kept."""
SLOTS = 16
PAST = CYCLE
"""Frames that were played and are kept, for what may have to be made up, or decoded after all."""
_OPUS = -1
_PLACES = np.arange(FRAME)
_COLUMNS = (
    "_ring", "_head", "_begun", "_turns", "_source", "_law", "_clock", "_sizes", "_pauses", "_decoder", "_rate",
)  # fmt: skip

Flags = npt.NDArray[np.bool_]
Peaks = npt.NDArray[np.int32]
"""Of the last frame of each source of sound; 0: there was none."""


class Queue(msgspec.Struct, frozen=True):
    """What waits in a jitter buffer."""

    law: g711.Law | None
    """None: Opus."""
    source: int
    """The leg's row of sound."""
    clock: int
    lent: jitter.Lent
    past: Sequence[bytes | Samples] = ()
    """Of those that were played, the last few: as they came, or as they were heard."""
    paused: bool = False
    """There was a pause before those of `past`."""
    undecoded: Sequence[bytes] = ()
    """Those at the end of `past` that are silence and have not been decoded."""
    decoder: opus.Decoder | None = None
    """Of what waits, if it is Opus; nobody else uses it meanwhile."""


class Frames(msgspec.Struct, frozen=True):
    """What is played in a tick."""

    sources: Column
    samples: Samples
    """int16[sources, samples of a tick]."""
    rate: int = NARROW
    bad: Sequence[int] = ()
    """Sources of which the packet could not be decoded; there is silence instead."""


class Coded(msgspec.Struct, frozen=True):
    """A packet of Opus that is played in a tick, and is to be decoded first."""

    source: int
    payload: bytes
    undecoded: Sequence[bytes] = ()
    """What has not been decoded before it: silence, of which the last few packets do."""
    skipped: bytes | None = None
    """The payload before it, which is left out to lessen the delay."""


class Turns(msgspec.Struct, frozen=True):
    """What has become of all rows in a tick; a row that is not named rests."""

    frames: Frames
    """Of G.711, with those that are played as they came; one that was silent and still is has none."""
    coded: Column
    """Rows of Opus whose turn it is."""
    shortened: list[int]
    """Rows of which a packet is left out."""
    odd: list[int]
    """Rows that are to be given back."""


Awake = tuple[Column, list[int]]
"""Rows, and how many of the packets before the next one have not been decoded."""


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
        self._decoders: dict[int, opus.Decoder] = {}
        self._rates: list[int] | None = None
        self._decoder = np.zeros(0, np.int64)
        """Addresses; 0: there is none."""
        self._rate = np.zeros(0, np.int64)
        """Of what they decode to, Hz."""
        self._pauses = np.zeros(0, np.int64)
        """How often there was a pause."""
        self._past: dict[int, tuple[int, list[bytes | Samples]]] = {}
        """Of rows that were shortened what was played last before the row's first, and how many pauses there were
        before it."""

    def __len__(self) -> int:
        return len(self._lines)

    def grow(self, size: int) -> None:
        """There are so many rows from now on."""
        for name in _COLUMNS:
            table = getattr(self, name)
            setattr(self, name, longer(table, size - len(table)))
        self._rest.grow(size)

    def begin(self, row: int, queue: Queue) -> None:
        self._lines.add(row)
        self._rows = None
        self._head[row] = self._begun[row] = queue.lent.first
        self._turns[row], self._source[row] = queue.lent.turns_over, queue.source
        self._law[row] = _OPUS if queue.law is None else g711.LAWS.index(queue.law)
        self._clock[row], self._pauses[row] = queue.clock, 0
        self._rest.begin(row)
        self._decoder[row], self._rate[row] = 0, NARROW
        if queue.decoder is not None:
            self._decoders[row], self._rates = queue.decoder, None
            self._decoder[row], self._rate[row] = queue.decoder.address, queue.decoder.rate
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
        first, law = int(self._head[row]), int(self._law[row])
        waiting = self._payloads(row, range(first, following))
        lent = jitter.Lent(first, waiting, int(self._turns[row]))
        queue = Queue(
            law=None if law == _OPUS else g711.LAWS[law],
            source=int(self._source[row]),
            clock=int(self._clock[row]),
            lent=lent,
            past=self._played(row),
            paused=bool(self._pauses[row]),
            undecoded=self._payloads(row, range(first - self._rest.undecoded(row), first)),
        )
        self._past.pop(row, None)
        if self._decoders.pop(row, None) is not None:
            self._decoder[row], self._rates = 0, None
        return queue

    def judge(self, now_ns: int, following: Column, pace: Pace, peaks: Peaks) -> Turns:
        """The turn of each row. `following`: of all rows, extended sequence number and timestamp of the packet that is
        expected."""
        rows = self.rows
        sequence, timestamp = following[rows].T
        waiting = sequence - self._head[rows]
        base, target = pace.aim(rows)
        clock, is_opus = self._clock[rows], self._law[rows] == _OPUS
        frame = clock * TICK_MS // 1000
        lag = units(np.int64(now_ns), clock) - base - (timestamp - waiting * frame)
        over, faint = lag - target, (peaks < QUIET_PEAK)[self._source[rows]]
        turns = np.where(over > frame + clock * jitter.MARGIN_MS // 1000, self._turns[rows] + 1, 0)
        much = turns >= np.where(faint, jitter.QUIET_TURNS, jitter.SPELL_TURNS)
        rests, shortened = faint & (over < 0), much & (over >= frame) & (waiting >= 2)
        odd = (waiting < 1) | (waiting >= SLOTS - PAST) | (lag > clock * jitter.MAX_WAIT_MS // 1000 + 2 * frame)
        self._pause(rows[rests & ~odd])
        goes = ~odd & ~rests
        self._turns[rows[goes]] = turns[goes]
        plain = goes & ~shortened
        frames = _stirring(self._play(rows[plain & ~is_opus]), peaks <= SILENT_PEAK)
        return Turns(frames, rows[plain & is_opus], rows[goes & shortened].tolist(), rows[odd].tolist())

    def wake(self, rows: Column, silent: Flags) -> Awake:
        """Of rows of Opus whose turn it is those whose packet is to be decoded. `silent`: of all sources, whether the
        last frame was silence."""
        rests = self._rest.are_calm(rows, silent[self._source[rows]])
        if rests.any():
            rests[rests] = self._are_again(rows[rests])
        return self._rest.turn(rows, rests)

    def decode(self, rows: Column, awake: Awake) -> list[Coded]:
        """The next packet of each of these rows, which is taken away; `awake`: of them as `wake` tells."""
        woken, undecoded = awake
        columns = woken.tolist(), self._head[woken].tolist(), self._source[woken].tolist(), undecoded
        coded = [
            Coded(source, self._payload(row, head), self._payloads(row, range(head - rested, head)))
            for row, head, source, rested in zip(*columns, strict=True)
        ]
        self._head[rows] += 1
        return coded

    def shorten(self, row: int, silent: Flags) -> Frames | Coded | None:
        """Leaves out the next packet of a row, and plays the one after it; None: both are known to be silence.
        `silent` as in `decode`."""
        return self._shorten_opus(row, silent) if self._law[row] == _OPUS else self._shorten(row)

    def _shorten_opus(self, row: int, silent: Flags) -> Coded | None:
        rows, head, undecoded = np.array([row]), int(self._head[row]), self._rest.undecoded(row)
        rests = self._rest.are_calm(rows, silent[self._source[rows]])
        for _ in range(2):
            rests &= self._are_again(rows)
            self._head[row] += 1
        self._turns[row] = 0
        self._rest.turn(rows, rests)
        if rests[0]:
            self._rest.turn(rows, rests)
            return None
        before = self._payloads(row, range(head - undecoded, head))
        return Coded(int(self._source[row]), self._payload(row, head + 1), before, self._payload(row, head))

    def _shorten(self, row: int) -> Frames:
        head, law = int(self._head[row]), g711.LAWS[self._law[row]]
        left_out, sound = (g711.decode_bytes(law, self._payload(row, number)) for number in (head, head + 1))
        joined = crossfade(left_out, sound)
        past = [*self._played(row), joined][-PAST:]
        self._past[row] = int(self._pauses[row]), past
        self._head[row] = self._begun[row] = head + 2
        self._turns[row] = 0
        return Frames(self._source[row : row + 1], joined[None, :])

    def head(self, rows: Column) -> Column:
        """The number of the packet of each row whose turn is next."""
        return self._head[rows]

    @property
    def rows(self) -> Column:
        """Those that there are."""
        if self._rows is None:
            self._rows = np.array(sorted(self._lines), np.int64)
        return self._rows

    @property
    def rates(self) -> list[int]:
        """Those that Opus is decoded to."""
        if self._rates is None:
            self._rates = sorted({decoder.rate for decoder in self._decoders.values()})
        return self._rates

    @property
    def columns(self) -> tuple[Column | Octets, ...]:
        """What relay/lines/_native.c goes on with, in its order; until `grow`."""
        return (
            self._ring, self._sizes, self._head, self._begun, self._turns, self._source, self._law, self._clock,
            self._pauses, *self._rest.columns, self._decoder, self._rate,
        )  # fmt: skip

    def _pause(self, rows: Column) -> None:
        """What comes after a pause does not go on from what was before."""
        self._begun[rows] = self._head[rows]
        self._pauses[rows] += 1

    def _play(self, rows: Column) -> Frames:
        """The next frame of rows of G.711."""
        octets = self._ring[rows, self._head[rows] % SLOTS]
        self._head[rows] += 1
        samples = np.zeros((len(rows), FRAME), np.int16)
        for number, law in enumerate(g711.LAWS):
            which = self._law[rows] == number
            samples[which] = g711.decode(law, octets[which])
        return Frames(self._source[rows], samples)

    def _played(self, row: int) -> list[bytes | Samples]:
        """The last few frames that were played since the row began, or since its last pause."""
        first, begun = int(self._head[row]), int(self._begun[row])
        pauses, past = self._past.get(row, (-1, []))
        before = past if pauses == self._pauses[row] else []
        since = self._payloads(row, range(max(begun, first - PAST), first))
        return [*before, *since][-PAST:]

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


def _stirring(frames: Frames, silent: Flags) -> Frames:
    """Without sources that were silent and still are."""
    loud = (np.abs(frames.samples.astype(np.int32)) > SILENT_PEAK).any(axis=1) | ~silent[frames.sources]
    return Frames(frames.sources[loud], frames.samples[loud])
