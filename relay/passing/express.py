"""The legs whose packets are passed on in regular order, as columns: what a packet of theirs asks for is done for all
of a batch at once, and no object is made of it.

A *run* begins with a packet that was passed on to the one leg that hears its source, and goes on as long as each packet
is the one after the last: the same source, payload type and length, no marker, the next number and timestamp, and in
time. Whatever else comes ends the run first: what its packets came to is told to the objects that count, and the packet
goes their way. So a run changes nothing that can be seen, but what it costs.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from relay.lines import Lines
from relay.lines.batch import Batch
from relay.mixing.rows import SILENT_PEAK
from relay.passing.pace import Ending
from relay.passing.steps import Taken, make_steps
from relay.passing.table import LAST, LOOK, SAMPLES, SEQUENCE, RunTable, Start
from relay.passing.waiting import Coded, Frames, Peaks, Queue
from relay.streams.rtp import HEADER_SIZE


class Run(Protocol):
    """Who is told of the packets that are passed on in columns."""

    def look(self, counters: tuple[int, int], payload: bytes, arrival_ns: int) -> int:
        """Sees a packet; returns when it wants to see another. `counters`: sequence number and timestamp, extended."""

    def end(self) -> None:
        """It has to end now."""


class Express:
    """Of all legs of a worker; rows of the columns are numbers of lines."""

    def __init__(self, lines: Lines, record: Callable[[bytes, int], None]) -> None:
        """`record` is told the records of packets of tapped legs, and when the latest of them came: once a tick, and
        before anything else of those legs."""
        self._lines = lines
        self._record = record
        self._runs: dict[int, Run] = {}
        self._tapped: set[int] = set()
        self._table = RunTable()
        self._steps = make_steps(self._table, lines)

    def __len__(self) -> int:
        """Runs that go on."""
        return len(self._runs)

    def begin(self, line: int, run: Run, start: Start) -> None:
        """What follows on the packet that `start` tells of, on that line, is the run's."""
        self._runs[line] = run
        self._table.begin(line, start)
        if start.addresses:
            self._lines.tap(line, start.addresses)
            self._tapped.add(line)

    def keep(self, line: int, queue: Queue) -> None:
        """The packets of the run that has begun wait behind these."""
        self._table.waiting.begin(line, queue)

    def give_back(self, line: int) -> Queue:
        """What waits of a run that has not ended yet, but will now."""
        return self._table.waiting.end(line, int(self._table.state[line, SEQUENCE]))

    def end(self, line: int) -> Ending:
        """The run ends, having come to this since it was asked last."""
        ending = self.come_to(line)
        self._table.end(line)
        if line in self._tapped:
            self.hand_over()
            self._lines.tap(line, b"")
            self._tapped.discard(line)
        del self._runs[line]
        return ending

    def come_to(self, line: int) -> Ending:
        """What the run has come to since it began, or was asked last."""
        return self._table.pace.take(line, self.last_ns(line), int(self._table.fixed[line, SAMPLES]))

    def last_ns(self, line: int) -> int:
        """When the run's last packet came."""
        return int(self._table.state[line, LAST])

    def hand_over(self) -> None:
        """Tells the records of what was taken until now."""
        if self._tapped:
            records, latest_ns = self._lines.records()
            if records:
                self._record(records, latest_ns)

    def settle(self, now_ns: int) -> None:
        """Once a tick: hands over, and ends the runs of those from whom nothing comes any more."""
        self.hand_over()
        if self._runs:
            for row in self._steps.late(now_ns):
                self._runs[row].end()

    def play(self, now_ns: int, peaks: Peaks) -> tuple[list[Frames], list[Coded]]:
        """What is played in this tick, after `settle`. What is not in order goes back to its leg first."""
        waiting = self._table.waiting
        if not len(waiting):
            return [], []
        turns = self._steps.judge(now_ns, peaks)
        for row in turns.odd:
            self._runs[row].end()
        frames, coded = [turns.frames], list[Coded]()
        if len(turns.coded):
            decoded, coded = self._steps.decode(turns.coded, peaks)
            frames += decoded
        for shorter in [waiting.shorten(row, peaks <= SILENT_PEAK) for row in turns.shortened]:
            if isinstance(shorter, Frames):
                frames.append(shorter)
            elif shorter is not None:
                coded.append(shorter)
        return frames, coded

    def take(self, batch: Batch) -> Iterable[int]:
        """Passes on what is expected; returns the places of all else."""
        if not self._runs:
            return range(len(batch))
        return self._show(batch, self._steps.take(batch))

    def wait(self, other: int, until_ns: int) -> tuple[Batch, Iterable[int], int] | None:
        """As Steps.wait: the last batch, the places of what is not passed on, and how long nothing was done in ns."""
        if not self._runs or (waited := self._steps.wait(other, until_ns)) is None:
            return None
        return waited.batch, self._show(waited.batch, waited.taken), waited.slept_ns

    def _show(self, batch: Batch, taken: Taken) -> Iterable[int]:
        """To those who want to see; returns the places of all else."""
        if taken.left:  # whose records are made elsewhere, and come behind
            self.hand_over()
        for place, sequence, timestamp in taken.shown:
            row, payload = int(batch.lines[place]), batch.data(place)[HEADER_SIZE:]
            look_ns = self._runs[row].look((sequence, timestamp), payload, int(batch.arrivals[place]))
            self._table.state[row, LOOK] = look_ns
        return taken.left
