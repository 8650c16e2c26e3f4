"""Files that are there after a power cut, or not at all."""

import os
from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
NEW = ".new"
"""What the name of a file ends in that is not committed."""


def make_folder(path: Path) -> None:
    """Makes the folder and those above it, for our own user only, and commits each."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """What was named in it, moved into it or removed from it, stays so."""
    sync(path)


def sync(path: Path) -> None:
    """What was written to a file, or named in a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create(path: Path) -> int:
    """A new file to be written and appended to; it must not exist. Returns its descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, PRIVATE_FILE)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes everything, or raises OSError with some of it written."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def commit(temporary: Path, path: Path) -> None:
    """Gives a synced file its name."""
    temporary.rename(path)
    sync_folder(path.parent)


def replace(path: Path, data: bytes) -> None:
    """The file has the old contents or the new ones at any time."""
    temporary = path.with_name(path.name + NEW)
    temporary.unlink(missing_ok=True)
    descriptor = create(temporary)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    commit(temporary, path)
