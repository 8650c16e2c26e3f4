"""Faults in the files of the spool: found, and the recording set aside; or cut where a crash may leave a torn tail."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from recorder.appender import Appender
from recorder.keys import owner_of
from recorder.outcome import Failed, Finished
from recorder.reading import SpoolReader, segment_path
from recorder.repair import repair
from recorder.segment import HEADER
from tests.recorder.offline import RECORDING, Room
from tests.support.tapper import Speaker, batches, speak

FAULTS = 120
OTHER = "ffffffffffffffff0123456789abcdef"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def flip(path: Path, generator: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    path.write_bytes(data)


def cut(path: Path, generator: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: generator.randrange(len(data))])


def cut_out(path: Path, generator: random.Random) -> None:
    data = path.read_bytes()
    start, length = generator.randrange(len(data)), generator.randrange(1, 500)
    path.write_bytes(data[:start] + data[start + length :])


def overwrite(path: Path, generator: random.Random) -> None:
    data = bytearray(path.read_bytes())
    start = generator.randrange(len(data))
    piece = generator.randbytes(64)[: len(data) - start]
    data[start : start + len(piece)] = piece
    path.write_bytes(data)


def test_single_faults_in_a_sealed_spool(room: Room) -> None:
    good = room.spool(speak(RECORDING, Speaker(0, end=2.0)))
    kept = room.folder / "kept"
    shutil.copytree(good, kept)
    generator = random.Random(4)
    faults: list[Callable[[Path, random.Random], None]] = [flip, flip, cut, cut_out, overwrite]
    for number in range(FAULTS):
        shutil.rmtree(good)
        shutil.copytree(kept, good)
        fault = faults[number % len(faults)]
        fault(good / ("journal" if number % 6 == 0 else segment_path(good, 0).name), generator)
        outcome = room.finalize(good)
        assert isinstance(outcome, Failed), (number, fault.__name__, outcome)
    shutil.rmtree(good)
    shutil.copytree(kept, good)
    assert isinstance(room.finalize(good), Finished)


def test_files_of_another_recording_are_found(room: Room) -> None:
    """Segments, and whole folders, put in each other's place."""
    mine = room.spool(speak(RECORDING, Speaker(0, end=1.0)))
    other = room.spool(speak(OTHER, Speaker(0, end=1.0)), recording=OTHER)
    for name in ("journal", segment_path(mine, 0).name):
        swapped = (mine / name).read_bytes()
        (mine / name).write_bytes((other / name).read_bytes())
        assert isinstance(room.finalize(mine), Failed)
        (mine / name).write_bytes(swapped)
    assert isinstance(room.finalize(mine), Finished)


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
    bodies = list(batches(speak(RECORDING, Speaker(0, end=3.0))))
    folder = room.spool([])
    segment_path(folder, 0).unlink()
    known, data_key = room.load(folder)
    share = len(bodies) // lives + 1
    for life in range(lives):
        counts = repair(folder, data_key, owner_of(known.start)).counts
        appender = Appender(folder, data_key, owner_of(known.start), counts)
        for body in bodies[life * share : (life + 1) * share]:
            appender.append(body)
    appender.close()
    return folder


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
