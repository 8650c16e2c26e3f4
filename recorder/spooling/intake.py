"""The tap socket: batches of records in, acknowledgements out once the records are in the spool's files."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import structlog

from ipc.frames import FrameError, FrameReader, frame
from ipc.listening import listen
from recorder.api import TapsCounted
from recorder.spooling.pace import Pace, Point
from recorder.spooling.spool import Spool
from recorder.wire import ACKNOWLEDGEMENT, BATCH, HELLO_SIZE, Kind, Record, Slice, WireError, cut, pack

HOLD_SECONDS = 7.0
"""How long the sound of a recording that nobody started is held. Well below what a worker holds without an
acknowledgement (relay.tapping.outbox, 10 s): a recording that is never started must cost the others nothing."""
HOLD_BYTES = 8 * 1024 * 1024
SPOOL_BYTES = 16 * 1024 * 1024
"""What may wait for the disk; beyond it the sockets are no longer read, and the workers hold, and then drop and
tell."""
_SOUND = (Kind.PACKET, Kind.CLOCK)
"""What may be lost; without its BEGIN a party would have no place in the recording at all."""
log = structlog.get_logger()


class Recordings(Protocol):
    """Who decides what becomes of a record."""

    def is_open(self, recording: bytes) -> bool:
        """Whether its records go to the spool now."""
        ...

    def is_over(self, recording: bytes) -> bool:
        """Whether it is known and takes no more."""
        ...

    def see(self, record: Slice) -> None:
        """Follows the parties of an open recording."""
        ...


class Held:
    """Records of a recording that has not been started yet."""

    def __init__(self) -> None:
        self.workers: set[bytes] = set()
        """Whose acknowledgements wait for it."""
        self.records: list[Slice] = []
        self.size = 0
        self.lost: dict[int, tuple[int, int, int]] = {}
        """Party -> number of records that found no room, clock of the first and of the last."""
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def add(self, record: Slice, room: int) -> None:
        if len(record.data) > room and record.kind in _SOUND:
            count, first, _ = self.lost.get(record.party, (0, record.clock, 0))
            self.lost[record.party] = (count + 1, first, record.clock)
            return
        self.records.append(record)
        self.size += len(record.data)

    def gaps(self, recording: bytes) -> list[bytes]:
        return [
            pack(Record(recording, Kind.GAP, party, last, sequence=count, timestamp=first))
            for party, (count, first, last) in self.lost.items()
        ]


class Counters:
    """What was not as it should be, since the start."""

    def __init__(self) -> None:
        self.bad_batches = 0
        self.repeated_batches = 0
        self.refused_connections = 0
        self.late_records = 0
        self.unclaimed_records = 0

    def told(self) -> TapsCounted:
        return TapsCounted(**vars(self))


class _Unacknowledged(NamedTuple):
    batch: int
    point: Point
    """Of its last record."""
    held: "list[asyncio.Future[None]]"
    """Done when the recordings that were not started at the time are, or when they are given up."""
    written: "asyncio.Future[None]"


class Intake:
    """Serves any number of workers; sorts their records to the spool, to those held, or away."""

    def __init__(self, spool: Spool, recordings: Recordings) -> None:
        self._spool = spool
        self._recordings = recordings
        self._held: dict[bytes, Held] = {}
        self._taken: dict[bytes, int] = {}
        """Worker -> the last batch that was taken from it, over all its connections."""
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.counters = Counters()

    async def start(self, path: Path) -> None:
        """Listens; only our own user may connect."""
        self._server = await listen(path, self._serve)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def started(self, recording: bytes) -> None:
        """A recording is open now: what was held for it goes to the spool."""
        held = self._held.pop(recording, None)
        if held is None:
            return
        for record in held.records:
            self._take(record)
        for gap in held.gaps(recording):
            self._spool.append(recording.hex(), gap)
        held.settled.set_result(None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        connection = _Connection(self, writer.write)
        work = (connection.acknowledge(self._spool), connection.follow_syncs(self._spool))
        working = [asyncio.create_task(one) for one in work]
        try:
            while data := await reader.read(256 * 1024):
                connection.feed(data)
                if self._spool.pending_bytes > SPOOL_BYTES:
                    await self._spool.written()
        except (FrameError, WireError) as error:
            self.counters.refused_connections += 1
            log.warning("x tap connection", error=str(error))
        except OSError as error:
            log.warning("x tap connection", error=str(error))
        finally:
            for one in working:
                one.cancel()
            writer.close()
            self._connections.discard(task)

    def take_batch(self, worker: bytes, data: bytes) -> _Unacknowledged:
        """Sorts the records of a batch. Raises WireError when it has no number, or one that cannot be its own: taking
        it would make those between look taken."""
        if len(data) < BATCH.size:
            raise WireError("batch without a number")
        (number,) = BATCH.unpack_from(data)
        last = self._taken.get(worker)
        if number == 0 or (last is not None and number > last + 1):
            raise WireError(f"batch {number} came after {last}")
        if last is not None and number <= last:
            self.counters.repeated_batches += 1
            return self._unacknowledged(worker, number, 0)
        self._taken[worker], clock = number, 0
        try:
            for record in cut(data, BATCH.size):
                self._sort(worker, record)
                clock = record.clock
        except WireError as error:
            # It would come again and again, were it not acknowledged.
            self.counters.bad_batches += 1
            log.error("! tap batch", error=str(error))
        return self._unacknowledged(worker, number, clock)

    def _unacknowledged(self, worker: bytes, batch: int, clock: int) -> _Unacknowledged:
        held = [held.settled for held in self._held.values() if worker in held.workers]
        return _Unacknowledged(batch, Point(clock, time.monotonic_ns()), held, self._spool.written())

    def _sort(self, worker: bytes, record: Slice) -> None:
        if self._recordings.is_open(record.recording):
            self._take(record)
        elif self._recordings.is_over(record.recording):
            self.counters.late_records += 1
        else:
            self._hold(worker, record)

    def _take(self, record: Slice) -> None:
        self._recordings.see(record)
        self._spool.append(record.recording.hex(), record.data)

    def _hold(self, worker: bytes, record: Slice) -> None:
        held = self._held.get(record.recording)
        if held is None:
            held = self._held[record.recording] = Held()
            asyncio.get_running_loop().call_later(HOLD_SECONDS, self._expire, record.recording, held)
        held.workers.add(worker)
        held.add(record, HOLD_BYTES - sum(other.size for other in self._held.values()))

    def _expire(self, recording: bytes, held: Held) -> None:
        if self._held.get(recording) is not held:
            return
        del self._held[recording]
        self.counters.unclaimed_records += len(held.records)
        log.warning("x tap of a recording that nobody started", recording=recording.hex(), records=len(held.records))
        held.settled.set_result(None)


class _Connection:
    """One worker's connection."""

    def __init__(self, intake: Intake, write: Callable[[bytes], None]) -> None:
        self._intake = intake
        self._write = write
        self._frames = FrameReader()
        self._worker = b""
        self._unacknowledged: deque[_Unacknowledged] = deque()
        self._arrived = asyncio.Event()
        self._pace = Pace()
        self._written: Point | None = None
        """Up to where all is in the spool's files."""

    def feed(self, data: bytes) -> None:
        """Raises FrameError, WireError: the connection is of no more use."""
        for payload in self._frames.feed(data):
            if self._worker:
                taken = self._intake.take_batch(self._worker, payload)
                self._pace.begin(taken.point)
                self._unacknowledged.append(taken)
                self._arrived.set()
            elif len(payload) == HELLO_SIZE:
                self._worker = payload
                log.info("< tap hello", worker=payload.hex()[:8])
            else:
                raise WireError("no hello")

    async def acknowledge(self, spool: Spool) -> None:
        """Tells that batches have been written, the latest for all before it; and synced, when they bring more sound
        than time has gone by. Runs until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._unacknowledged:
                for held in self._unacknowledged[0].held:
                    await asyncio.shield(held)
                last, was_held = self._next()
                await asyncio.shield(spool.written() if was_held else last.written)
                self._written = last.point
                if self._pace.is_ahead(last.point):
                    spool.hurry()
                    await asyncio.shield(spool.synced())
                    self._pace.reach(last.point)
                self._write(frame(ACKNOWLEDGEMENT.pack(last.batch)))

    async def follow_syncs(self, spool: Spool) -> None:
        """Runs until cancelled."""
        while True:
            written = self._written
            await asyncio.shield(spool.synced())
            if written is not None:
                self._pace.reach(written)

    def _next(self) -> tuple[_Unacknowledged, bool]:
        """The last batch that waits for the disk alone, and whether one up to it waited for its recording's start."""
        last = self._unacknowledged.popleft()
        was_held = bool(last.held)
        while self._unacknowledged and all(held.done() for held in self._unacknowledged[0].held):
            last = self._unacknowledged.popleft()
            was_held = was_held or bool(last.held)
        return last, was_held
