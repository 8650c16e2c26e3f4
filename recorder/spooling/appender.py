"""The writing end of one recording's spool, and what it owes to a disk that fails. Only one thread may use it."""

import contextlib
import errno
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from recorder.keeping import durable
from recorder.keeping.keys import SALT, Owner
from recorder.spooling.reading import segment_path
from recorder.spooling.segment import Counts, FrameKind, Segment, pack_counts
from vault.pii import Pii


class _Frame(NamedTuple):
    kind: FrameKind
    body: bytes


class _Mark(NamedTuple):
    """How far a segment has come."""

    frames: int
    size: int


class Unsynced(NamedTuple):
    """What is to be synced: a descriptor of its own, which `sync` closes, so that any thread may do it."""

    descriptor: int
    number: int
    """Of the segment."""
    mark: _Mark

    def sync(self) -> OSError | None:
        """The error, if there was one."""
        try:
            os.fdatasync(self.descriptor)
        except OSError as error:
            return error
        finally:
            os.close(self.descriptor)
        return None


class Appender:
    """An error ends the segment, and the next write begins another, with all that is not known to be on the disk."""

    def __init__(self, folder: Path, data_key: Pii[bytes], owner: Owner, counts: Counts) -> None:
        self._folder = folder
        self._data_key = data_key
        self._owner = owner
        self._counts = dict(counts)
        """Of the segments there are already."""
        self._segment: Segment | None = None
        self._descriptor = -1
        self._size = 0
        self._synced = _Mark(0, 0)
        self._unsynced: list[_Frame] = []
        """Written since the last sync; no more than half a second of it."""

    def append(self, body: bytes, kind: FrameKind = FrameKind.RECORDS) -> None:
        """Raises OSError; then it does not count as written."""
        segment = self._segment or self._open()
        frame = segment.seal(self._counts[segment.number], kind, body)
        try:
            durable.write_all(self._descriptor, frame)
        except OSError:
            self._break_off(segment.number)
            raise
        self._counts[segment.number] += 1
        self._size += len(frame)
        self._unsynced.append(_Frame(kind, body))

    def unsynced(self) -> Unsynced | None:
        """What was written and not synced, if there is any. Raises OSError."""
        if self._segment is None or not self._unsynced:
            return None
        return Unsynced(os.dup(self._descriptor), self._segment.number, self._mark())

    def settle(self, what: Unsynced, error: OSError | None) -> None:
        """A sync is over."""
        if self._segment is None or self._segment.number != what.number:
            return  # the segment broke off meanwhile, and knew what to do
        if error is not None:
            self._give_back(what.number)
            return
        del self._unsynced[: what.mark.frames - self._synced.frames]
        self._synced = what.mark

    def close(self) -> None:
        """The recording is over: says how many frames it has, and syncs. Raises OSError, and may be called again."""
        segment = self._segment or self._open()
        counts = self._counts | {segment.number: self._counts[segment.number] + 1}
        self.append(pack_counts(counts), FrameKind.CLOSED)
        what = self.unsynced()
        assert what is not None
        error = what.sync()
        self.settle(what, error)
        if error is not None:
            raise error
        self._abandon()

    def _mark(self) -> _Mark:
        assert self._segment is not None
        return _Mark(self._counts[self._segment.number], self._size)

    def _open(self) -> Segment:
        number = max(self._counts, default=-1) + 1
        # A fresh salt makes a fresh key, so that a number whose file did not come to be may be used again.
        segment = Segment(self._data_key, self._owner, number, secrets.token_bytes(SALT))
        frames = [_Frame(FrameKind.OPENED, pack_counts(self._counts)), *self._owed()]
        sealed = segment.header + b"".join(segment.seal(at, *frame) for at, frame in enumerate(frames))
        self._commit(number, sealed)
        self._segment, self._unsynced = segment, []
        self._counts[number], self._size = len(frames), len(sealed)
        self._synced = self._mark()
        return segment

    def _owed(self) -> list[_Frame]:
        """What an earlier segment lost. A recording that was to be closed is closed anew."""
        return [frame for frame in self._unsynced if frame.kind is FrameKind.RECORDS]

    def _commit(self, number: int, sealed: bytes) -> None:
        """A segment has its name once its beginning is on the disk. Raises OSError; then there is no such segment."""
        path = segment_path(self._folder, number)
        temporary = path.with_name(path.name + durable.NEW)
        if path.exists():
            self._counts[number] = 0  # a file that nobody vouches for stays as it is
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        temporary.unlink(missing_ok=True)
        self._descriptor = durable.create(temporary)
        try:
            durable.write_all(self._descriptor, sealed)
            os.fsync(self._descriptor)
            durable.commit(temporary, path)
        except OSError:
            self._abandon()
            self._discard(number, path)
            raise

    def _discard(self, number: int, path: Path) -> None:
        """A full disk is asked again and again: it must not be left a file each time."""
        with contextlib.suppress(OSError):
            path.with_name(path.name + durable.NEW).unlink(missing_ok=True)
        try:
            path.unlink(missing_ok=True)
        except OSError:
            self._counts[number] = 0  # the number is not used again

    def _break_off(self, number: int) -> None:
        """After a write that failed: what was written before it stays, if the disk will have it."""
        try:
            os.ftruncate(self._descriptor, self._size)
            os.fdatasync(self._descriptor)
        except OSError:
            self._give_back(number)
            return
        self._unsynced = []
        self._abandon()

    def _give_back(self, number: int) -> None:
        """After a sync that failed: nobody knows what of it is on the disk. It is cut away and written again."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self._synced.size)
        self._counts[number] = self._synced.frames
        self._abandon()

    def _abandon(self) -> None:
        descriptor, self._descriptor, self._segment = self._descriptor, -1, None
        with contextlib.suppress(OSError):
            os.close(descriptor)
