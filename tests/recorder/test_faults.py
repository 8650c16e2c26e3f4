"""A thousand single faults in the files of six recordings of two tenants: each is found, and nothing else suffers."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import msgspec

from recorder.finalizing.outcome import Failed, Finished
from tests.recorder.offline import Room
from tests.recorder.process import KEY, RecorderProcess, start_of
from tests.support.tapper import Speaker, call
from tests.support.tones import level_of

FAULTS = 1000
LIVES = 3
NAMES = [f"{number:032x}" for number in range(1, 7)]
Files = dict[str, bytes]
"""Of one recording, by name."""


def pitch(name: str) -> float:
    return 400.0 + 100 * NAMES.index(name)


def fill(room: Room) -> dict[str, Path]:
    """Folders of sealed recordings, by name; the tenants take turns."""
    folders = {}
    for number, name in enumerate(NAMES):
        start = msgspec.structs.replace(start_of(name), account=f"tenant-{number % 2}")
        speakers = (Speaker(0, pitch(name), end=0.7), Speaker(1, 2000.0, end=0.7))
        folders[name] = room.spool_as(start, call(name, speakers), LIVES)
    return folders


def flip(files: Files, name: str, generator: random.Random) -> None:
    data = bytearray(files[name])
    data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    files[name] = bytes(data)


def truncate(files: Files, name: str, generator: random.Random) -> None:
    files[name] = files[name][: generator.randrange(len(files[name]))]


def cut_out(files: Files, name: str, generator: random.Random) -> None:
    data = files[name]
    start, length = generator.randrange(len(data)), generator.randrange(1, 500)
    files[name] = data[:start] + data[start + length :]


def overwrite(files: Files, name: str, generator: random.Random) -> None:
    data = files[name]
    start = generator.randrange(len(data))
    files[name] = data[:start] + generator.randbytes(min(64, len(data) - start)) + data[start + 64 :]


def remove(files: Files, name: str, generator: random.Random) -> None:
    del files[name]


def double(files: Files, name: str, generator: random.Random) -> None:
    """In another one's place."""
    files[name] = files[generator.choice([other for other in files if other != name])]


DAMAGES: list[Callable[[Files, str, random.Random], None]] = [
    *(flip, flip, flip, truncate, truncate, cut_out, overwrite, remove, double),
]


def read(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in folder.iterdir() if "sealed" not in path.name}


def write(folder: Path, files: Files, before: Files) -> None:
    for name in before.keys() - files.keys():
        (folder / name).unlink()
    for name, data in files.items():
        if before.get(name) != data:
            (folder / name).write_bytes(data)


def damaged(good: dict[str, Files], generator: random.Random) -> dict[str, Files]:
    """One fault: of those recordings that have it, what their files are now."""
    one = generator.choice(NAMES)
    file = generator.choice(sorted(good[one]))
    if generator.random() < 0.25:
        other = generator.choice([name for name in NAMES if name != one])
        return {one: good[one] | {file: good[other][file]}, other: good[other] | {file: good[one][file]}}
    files = dict(good[one])
    while files == good[one]:
        generator.choice(DAMAGES)(files, file, generator)
    return {one: files}


def test_each_fault_is_found(tmp_path: Path) -> None:
    room = Room(tmp_path)
    folders = fill(room)
    sums = {name: right(room, folder) for name, folder in folders.items()}
    good = {name: read(folder) for name, folder in folders.items()}
    generator = random.Random(4)
    for number in range(FAULTS):
        faulty = damaged(good, generator)
        for name, files in faulty.items():
            write(folders[name], files, good[name])
            outcome = room.finalize(folders[name])
            assert isinstance(outcome, Failed), (number, name, outcome)
            assert outcome.reason
        if number % 20 == 0:
            for name in NAMES:
                assert name in faulty or right(room, folders[name]) == sums[name]
        for name, files in faulty.items():
            write(folders[name], good[name], files)
    assert {name: right(room, folder) for name, folder in folders.items()} == sums


def right(room: Room, folder: Path) -> str:
    """The checksum of the sound that is made of a folder."""
    outcome = room.finalize(folder)
    assert isinstance(outcome, Finished), outcome
    return outcome.sha256


async def test_a_recorder_sets_the_faulty_aside_and_delivers_the_others(tmp_path: Path) -> None:
    """It finds them at its start. What is set aside stays as it is."""
    recorder = RecorderProcess(tmp_path)
    (recorder.data / "spool").mkdir(parents=True)
    room = Room(recorder.data / "spool", recorder.keyring)
    folders = fill(room)
    generator = random.Random(2)
    good = {name: read(folder) for name, folder in folders.items()}
    faulty = damaged(good, generator) | damaged(good, generator)
    for name, files in faulty.items():
        write(folders[name], files, good[name])
    await recorder.start()
    for name in NAMES:
        if name in faulty:
            await recorder.reached(name, "quarantined")
            kept = read(folders[name])
            kept["journal"] = faulty[name].get("journal", b"")
            assert kept == {"journal": b""} | faulty[name]
            assert not (recorder.store / KEY.format(name)).exists()
        else:
            await recorder.reached(name, "released")
            heard = await asyncio.to_thread(room.open_stored, recorder.store, KEY.format(name))
            assert level_of(heard.left[1000:5000], 8000, pitch(name)) > -12
    assert await recorder.stop() == 0
