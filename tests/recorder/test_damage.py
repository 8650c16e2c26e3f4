"""Segments that are missing or damaged are found; a torn tail, as a crash may leave it, is cut."""

import random
import shutil
from pathlib import Path

import pytest

from recorder.finalizing.outcome import Failed, Finished
from recorder.keeping.keys import owner_of
from recorder.spooling.appender import Appender
from recorder.spooling.reading import SpoolReader, segment_path
from recorder.spooling.repair import repair
from recorder.spooling.segment import HEADER
from tests.recorder.offline import RECORDING, Room
from tests.recorder.process import start_of
from tests.support.tapper import Speaker, speak


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_a_missing_segment_is_found(room: Room) -> None:
    folder = interrupted(room, 3)
    segment_path(folder, 1).unlink()
    outcome = room.finalize(folder)
    assert isinstance(outcome, Failed)
    assert "segment 1" in outcome.reason


def test_a_spool_that_was_not_closed_is_found(room: Room) -> None:
    folder = interrupted(room, 3)
    segment_path(folder, 2).unlink()
    assert isinstance(room.finalize(folder), Failed)


def test_a_segment_twice_is_found(room: Room) -> None:
    folder = interrupted(room, 3)
    shutil.copy(segment_path(folder, 1), segment_path(folder, 2))
    assert isinstance(room.finalize(folder), Failed)


def interrupted(room: Room, lives: int) -> Path:
    """A recording that was written in several lives of the recorder, and closed in the last."""
    return room.spool_as(start_of(RECORDING), speak(RECORDING, Speaker(0, end=3.0)), lives)


def test_several_lives_make_one_sound(room: Room) -> None:
    whole = room.made_of(speak(RECORDING, Speaker(0, end=3.0)))
    folder = interrupted(room, 4)
    assert isinstance(room.finalize(folder), Finished)
    assert (room.open(folder).left == whole.left).all()


@pytest.mark.parametrize("torn", range(12))
def test_a_torn_tail_is_cut_and_the_rest_is_kept(room: Room, torn: int) -> None:
    """What a power cut leaves: the file cut back, perhaps with rubbish behind what was synced."""
    generator = random.Random(torn)
    folder = interrupted(room, 1)
    known, data_key = room.load(folder)
    path = segment_path(folder, 0)
    first = first_frame_end(folder, room)
    size = generator.randrange(first, path.stat().st_size)
    rubbish = generator.randbytes(generator.randrange(0, 4000)) if torn % 2 else b""
    path.write_bytes(path.read_bytes()[:size] + rubbish)
    repaired = repair(folder, data_key, owner_of(known.start))
    assert repaired.counts[0] >= 1
    assert path.stat().st_size <= size
    Appender(folder, data_key, owner_of(known.start), repaired.counts).close()
    assert not isinstance(room.finalize(folder), Failed)


def test_damage_before_the_tail_is_not_taken_for_one(room: Room) -> None:
    """Nothing is cut; the recording goes on in another segment and is set aside when it is over."""
    folder = interrupted(room, 1)
    known, data_key = room.load(folder)
    path = segment_path(folder, 0)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)
    repaired = repair(folder, data_key, owner_of(known.start))
    assert path.read_bytes() == data
    Appender(folder, data_key, owner_of(known.start), repaired.counts).close()
    assert isinstance(room.finalize(folder), Failed)


def test_no_two_segments_share_a_key(room: Room) -> None:
    folder = interrupted(room, 4)
    salts = {segment_path(folder, number).read_bytes()[: HEADER.size][-32:] for number in range(4)}
    assert len(salts) == 4


def first_frame_end(folder: Path, room: Room) -> int:
    known, data_key = room.load(folder)
    frame = next(SpoolReader(folder, data_key, owner_of(known.start)).frames(0))
    return frame.offset + frame.length
