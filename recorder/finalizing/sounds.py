"""Writes the sound of a recording, and by option each party's own, in one pass over the packets.

While a block is encoded and sealed, on a thread of its own, the next one is mixed.
"""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from recorder.api import Format, Party
from recorder.finalizing import memory
from recorder.finalizing.encoding import Encoder, Samples, Shape, make_encoder
from recorder.finalizing.manifest import Peaks
from recorder.finalizing.mix import Side, Voice, mixed
from recorder.finalizing.outcome import SOUND, TRACK
from recorder.finalizing.peaks import PeakMeter
from recorder.keeping.sealed_file import SealedFile

OpenFile = Callable[[str, str], SealedFile]
"""(name of the file, what it is of the recording)"""


class Sealed(NamedTuple):
    """What was written, before its encryption."""

    size: int
    sha256: str


class Written(NamedTuple):
    sound: Sealed
    tracks: list[Sealed]
    """In the order of the parties; none when they were not asked for."""
    peaks: Peaks


class SoundWriter:
    """`open_file` makes the files, in `format`."""

    def __init__(self, open_file: OpenFile, format: Format, with_tracks: bool) -> None:
        self._open_file = open_file
        self._format = format
        self._with_tracks = with_tracks
        self._thread = ThreadPoolExecutor(1)

    def write(self, parties: list[tuple[Party, Voice]], rate: int, frames: int) -> Written:
        """The agent right, everybody else left. To be called once. Raises OSError, Damaged."""
        agents = [voice for party, voice in parties if party.role == "agent"]
        others = [voice for party, voice in parties if party.role != "agent"]
        tracked = parties if self._with_tracks else []
        sides = [Side(one, rate) for one in (others, agents, *([voice] for _, voice in tracked))]
        meter = PeakMeter(rate)
        with contextlib.ExitStack() as stack:
            stereo = self._begin(stack, (SOUND, "sound"), Shape(rate, 2, frames))
            names = [(TRACK.format(party.index), f"track {party.index}") for party, _ in tracked]
            tracks = [self._begin(stack, name, Shape(rate, 1, frames)) for name in names]
            memory.keep_blocks()
            stack.enter_context(self._thread)  # last, so that it has come to its end before a file is closed
            for left, right, *alone in mixed([voice for _, voice in parties], sides, frames, rate):
                meter.see(left, right)
                stereo.write(np.stack((left, right), axis=1))
                for track, block in zip(tracks, alone, strict=True):
                    track.write(block[:, np.newaxis])
            return Written(stereo.commit(), [track.commit() for track in tracks], meter.peaks())

    def _begin(self, stack: contextlib.ExitStack, name: tuple[str, str], shape: Shape) -> "_Sound":
        file = stack.enter_context(self._open_file(*name))
        return _Sound(file, make_encoder(self._format, shape), self._thread)


class _Sound:
    """A sealed file, and what its sound is written as."""

    def __init__(self, file: SealedFile, encoder: Encoder, thread: ThreadPoolExecutor) -> None:
        self._file = file
        self._encoder = encoder
        self._thread = thread
        self._written: Future[None] | None = None
        file.write(encoder.begin())

    def write(self, block: Samples) -> None:
        """Waits for the block before, and raises what befell it."""
        self._wait()
        self._written = self._thread.submit(self._write, block)

    def commit(self) -> Sealed:
        self._wait()
        self._file.write(self._encoder.finish())
        return Sealed(self._file.size, self._file.commit())

    def _write(self, block: Samples) -> None:
        self._file.write(self._encoder.encode(block))

    def _wait(self) -> None:
        if self._written is not None:
            self._written.result()
