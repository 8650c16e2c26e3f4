"""Reads the spool of one recording back, and knows whether something is missing from it."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

from recorder.errors import Damaged
from recorder.keeping.keys import Owner
from recorder.spooling.segment import HEADER, Counts, Frame, FrameKind, Segment, unpack_counts
from vault.pii import Pii

SUFFIX = ".segment"
_FORGET = 256


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}{SUFFIX}"


def segment_numbers(folder: Path) -> list[int]:
    """Raises Damaged when a file is there that no recorder named."""
    try:
        return sorted(int(path.name.removesuffix(SUFFIX)) for path in folder.glob(f"*{SUFFIX}"))
    except ValueError:
        raise Damaged("the spool has a segment without a number") from None


class Found(NamedTuple):
    """What one segment turned out to hold."""

    frames: int
    end: int
    """Where its last good frame ends."""
    size: int
    closed: bool


class SpoolReader:
    """The segments of one recording, opened for reading; the files are mapped, a stretch at a time."""

    def __init__(self, folder: Path, data_key: Pii[bytes], owner: Owner) -> None:
        self._folder = folder
        self._data_key = data_key
        self._owner = owner
        self.numbers = segment_numbers(folder)
        self.found: dict[int, Found] = {}
        self._declared: Counts = {}
        self._segments: dict[int, Segment] = {}

    def frames(self, number: int) -> Iterator[Frame]:
        """The good frames of a segment, with records or not; what was found is kept. Raises Damaged, OSError."""
        count, end, closed = 0, 0, False
        with segment_path(self._folder, number).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size > HEADER.size:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                    for frame in self._frames(number, mapped):
                        count, end = frame.sequence + 1, frame.offset + frame.length
                        closed = frame.kind is FrameKind.CLOSED
                        yield frame
        self.found[number] = Found(count, end, size, closed)

    def frame(self, number: int, sequence: int, where: tuple[int, int]) -> Frame:
        """One frame that was read before, again, from its offset and length in the file. Raises Damaged, OSError."""
        offset, length = where
        with segment_path(self._folder, number).open("rb") as file:
            frame = self._segments[number].open(os.pread(file.fileno(), length, offset), 0, sequence)
        if frame is None:
            raise Damaged("the spool changed while it was read")
        return frame

    def _frames(self, number: int, mapped: mmap.mmap) -> Iterator[Frame]:
        content = cast(bytes, mapped)  # it slices to bytes, finds and has a length: all that is asked of it
        segment = self._segments[number] = Segment.parse(self._data_key, self._owner, number, content)
        for frame in segment.frames(content):
            if frame.kind is not FrameKind.RECORDS:
                self._declared.update(unpack_counts(frame.body))
            if frame.sequence % _FORGET == _FORGET - 1:
                mapped.madvise(mmap.MADV_DONTNEED)  # what was read need not stay in memory
            yield frame

    def counts(self) -> Counts:
        return {number: found.frames for number, found in self.found.items()}

    def check(self) -> None:
        """Whether every segment, read before, has the frames that later ones vouch for. Raises Damaged."""
        for number, count in self._declared.items():
            found = self.found[number].frames if number in self.found else 0
            if found < count:
                raise Damaged(f"segment {number} had {count} frames and has {found}")

    def check_closed(self) -> None:
        """The same for a recording that is over: its last segment must say so. Raises Damaged."""
        self.check()
        if not self.numbers or not self.found[self.numbers[-1]].closed:
            raise Damaged("the spool ends before the recording did")
