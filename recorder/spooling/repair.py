"""What a recording left in the spool when the recorder last ended: torn tails are cut, and what its parties did is
read."""

import os
from pathlib import Path
from typing import NamedTuple

import structlog

from recorder import wire
from recorder.errors import Damaged
from recorder.keeping import durable
from recorder.keeping.keys import Owner
from recorder.spooling.reading import SUFFIX, SpoolReader, segment_path
from recorder.spooling.segment import Counts, Frame, FrameKind
from recorder.wire import Kind
from vault.pii import Pii

log = structlog.get_logger()


class Repaired(NamedTuple):
    counts: Counts
    """Frames of each segment, for the next one to vouch for."""
    events: list[tuple[Kind, int]]
    """Who came and went: BEGIN or END, and the party."""
    cut_bytes: int


def repair(folder: Path, data_key: Pii[bytes], owner: Owner) -> Repaired:
    """Cuts what a crash left unfinished. What is damaged otherwise stays as it is, to be found again when it is
    finalized.

    Raises OSError, and Damaged when the folder has files that are not segments."""
    for unborn in folder.glob(f"*{SUFFIX}{durable.NEW}"):
        unborn.unlink()  # it was not committed: nothing in it counts as written
    reader = SpoolReader(folder, data_key, owner)
    events: list[tuple[Kind, int]] = []
    cut_bytes = 0
    for number in reader.numbers:
        try:
            for frame in reader.frames(number):
                events += _events(frame)
            cut_bytes += _cut(folder, reader, number)
        except Damaged as error:
            log.error("! spool", recording=folder.name, error=str(error))
    if reader.numbers:
        # Another segment is going to vouch for this one, which a killed recorder left to the disk's good will.
        durable.sync(segment_path(folder, reader.numbers[-1]))
    counts = {number: 0 for number in reader.numbers} | reader.counts()
    return Repaired(counts, events, cut_bytes)


def _events(frame: Frame) -> list[tuple[Kind, int]]:
    if frame.kind is not FrameKind.RECORDS:
        return []
    return [(record.kind, record.party) for record in wire.cut(frame.body) if record.kind in (Kind.BEGIN, Kind.END)]


def _cut(folder: Path, reader: SpoolReader, number: int) -> int:
    found = reader.found[number]
    torn = found.size - found.end
    if not torn or not found.frames:
        return 0
    path = segment_path(folder, number)
    os.truncate(path, found.end)
    durable.sync_folder(folder)
    log.warning("= torn tail cut", recording=folder.name, segment=number, bytes=torn)
    return torn
