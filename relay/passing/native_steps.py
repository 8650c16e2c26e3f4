"""relay.passing.steps by relay/lines/_runs.c: one call for a batch, and one for a tick."""

from typing import Any

import numpy as np

from relay.codecs import g711, opus
from relay.errors import SrtpError
from relay.formats import TICK_MS
from relay.lines import Lines
from relay.lines._native import ffi, lib
from relay.lines.batch import Batch, Column
from relay.lines.native import NativeLines
from relay.lines.table import BATCH
from relay.mixing.rows import QUIET_PEAK, SILENT_PEAK
from relay.passing.rest import CALM_TURNS, CYCLE
from relay.passing.steps import Taken, Waited
from relay.passing.table import NEVER, RunTable
from relay.passing.waiting import FRAME, PAST, Coded, Frames, Peaks, Turns
from relay.playout import jitter
from relay.playout.delay import BUCKET_MS, FARTHEST
from relay.tick import BEAT_NS

_TABLE = ("looks", "state")
_PACE = ("packets", "octets", "clock", "stamp", "transit", "reported", "jitter", "since", "buckets")
_WAITING = (
    "ring", "sizes", "head", "begun", "turns", "source", "law", "queue_clock", "pauses", "calm", "rested",
    "decoder", "rate",
)  # fmt: skip
_DECODE = opus.functions()[0]
_LEVELS = np.concatenate([g711.decode(law, np.arange(256, dtype=np.uint8)) for law in g711.LAWS])


class NativeSteps:
    def __init__(self, table: RunTable, lines: Lines) -> None:
        """Raises TypeError for lines that are not native."""
        if not isinstance(lines, NativeLines):
            raise TypeError("not native lines")
        self._table = table
        self._lines = lines
        self._size = 0
        self._held: list[Any] = []
        """What the pointers lead to."""
        self._runs = ffi.new("runs *")
        self._rows, self._peaks = np.zeros(0, np.int64), np.zeros(0, np.int32)
        self._rows_at, self._peaks_at = ffi.from_buffer(self._rows), ffi.from_buffer(self._peaks)
        self._left, self._shown, self._failed = (np.zeros(shape, np.int64) for shape in (BATCH, (BATCH, 3), (BATCH, 2)))
        columns = zip(
            ("int64_t[]", "int64_t[][3]", "int64_t[][2]"), (self._left, self._shown, self._failed), strict=True
        )
        self._columns_told = [ffi.from_buffer(kind, column) for kind, column in columns]
        self._told = ffi.new("told *", self._columns_told)
        self._point()

    def take(self, batch: Batch) -> Taken:
        if self._table.size != self._size:
            self._point()
        return self._taken(lib.lines_take(self._lines.table, self._runs, len(batch), self._told[0]))

    def wait(self, other: int, until_ns: int) -> Waited | None:
        if self._table.size != self._size:
            self._point()
        done = lib.lines_wait(self._lines.table, self._runs, other, until_ns, BEAT_NS, self._told[0])
        return Waited(self._lines.filled(done.count), self._taken(done.of), done.slept)

    def _taken(self, taken: Any) -> Taken:
        if taken.failed:
            self._lines.tell_failed(failures(self._failed[: taken.failed]))
        left: list[int] = self._left[: taken.left].tolist() if taken.left else []
        shown: list[tuple[int, int, int]] = self._shown[: taken.shown].tolist() if taken.shown else []
        return Taken(left, shown)

    def late(self, now_ns: int) -> list[int]:
        if self._table.size != self._size:
            self._point()
        count = lib.runs_late(self._runs, now_ns, self._late_at)
        late: list[int] = self._late[:count].tolist() if count else []
        return late

    def judge(self, now_ns: int, peaks: Peaks) -> Turns:
        if self._table.size != self._size:
            self._point()
        rows = self._table.waiting.rows
        count = len(rows)
        if rows is not self._rows:
            self._rows, self._rows_at = rows, ffi.from_buffer("int64_t[]", rows)
        if count > len(self._samples):
            self._make_room(count)
        judged = lib.runs_judge(
            self._runs, count, self._rows_at, now_ns, self._heard(peaks), len(peaks), *self._judged,
        )  # fmt: skip
        frames = Frames(self._sources[: judged.played], self._samples[: judged.played])
        coded, shortened, odd = self._columns
        return Turns(frames, coded[: judged.coded], shortened[: judged.shortened].tolist(), odd[: judged.odd].tolist())

    def decode(self, rows: Column, peaks: Peaks) -> tuple[list[Frames], list[Coded]]:
        if self._table.size != self._size:
            self._point()
        return [self._decode(rows, peaks, rate) for rate in self._table.waiting.rates], []

    def _decode(self, rows: Column, peaks: Peaks, rate: int) -> Frames:
        """Those rows that are decoded to that rate."""
        sounds = np.empty((len(rows), rate * TICK_MS // 1000), np.int16)
        sources, bad = np.empty((2, len(rows)), np.int64)
        done = lib.runs_decode(
            self._runs, _DECODE, rate, len(rows), ffi.from_buffer("int64_t[]", rows),
            self._heard(peaks), len(peaks), ffi.from_buffer("int16_t[]", sounds),
            ffi.from_buffer("int64_t[]", sources), ffi.from_buffer("int64_t[]", bad),
        )  # fmt: skip
        return Frames(sources[: done.played], sounds[: done.played], rate, bad[: done.bad].tolist())

    def _heard(self, peaks: Peaks) -> Any:
        """The same table as before, as a rule."""
        if peaks is not self._peaks:
            self._peaks, self._peaks_at = peaks, ffi.from_buffer("int32_t[]", peaks)
        return self._peaks_at

    def _point(self) -> None:
        """The tables have been made anew."""
        table, runs = self._table, self._runs
        columns = {
            **dict(zip(_TABLE, (table.fixed, table.state), strict=True)),
            **dict(zip(_PACE, table.pace.columns, strict=True)),
            **dict(zip(_WAITING, table.waiting.columns, strict=True)),
            "levels": _LEVELS,
        }
        self._held = []
        for name, column in columns.items():
            self._held.append(ffi.from_buffer(column))
            setattr(runs, name, ffi.cast(ffi.typeof(getattr(runs, name)), self._held[-1]))
        self._size = runs.rows = table.size
        runs.never, runs.farthest, runs.past = NEVER, FARTHEST, PAST
        runs.bucket_ms, runs.reset_ms, runs.margin_ms = BUCKET_MS, jitter.RESET_MS, jitter.MARGIN_MS
        runs.most_wait_ms = jitter.MAX_WAIT_MS
        runs.quiet_turns, runs.spell_turns = jitter.QUIET_TURNS, jitter.SPELL_TURNS
        runs.calm_turns, runs.cycle, runs.silent_peak = CALM_TURNS, CYCLE, SILENT_PEAK
        runs.quiet_peak = QUIET_PEAK
        self._late = np.zeros(table.size, np.int64)
        self._late_at = ffi.from_buffer("int64_t[]", self._late)
        self._make_room(0)

    def _make_room(self, count: int) -> None:
        self._samples = np.zeros((count, FRAME), np.int16)
        self._sources, *self._columns = (np.zeros(count, np.int64) for _ in range(4))
        self._judged = [
            ffi.from_buffer("int64_t[]", self._sources),
            ffi.from_buffer("int16_t[]", self._samples),
            *(ffi.from_buffer("int64_t[]", column) for column in self._columns),
        ]


def failures(failed: Column) -> list[tuple[int, Exception]]:
    """Lines and errors of lines and statuses."""
    return [(line, SrtpError(f"not protected: status {status}")) for line, status in failed.tolist()]
