"""`python -m tests.recorder.watched …`: the recorder, telling into a file what of its files is on the disk; so do the
processes that finalize for it.

A process that is killed loses nothing that it wrote; a machine whose power goes loses what was not synced. From what is
told here, a test that has killed the process knows what to take away. The file is named by WATCHED_FILE.
"""

import asyncio
import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recorder.__main__ import main
from recorder.finalizing import finalize

FINALIZE = "recorder.finalizing.finalize"
WATCHED_FILE = "TELEPHONIST_TEST_WATCHED"


def cut_power(told: Path, folder: Path, generator: random.Random) -> None:
    """What was not synced is lost, or is rubbish."""
    synced = _synced(told)
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size > (kept := synced.get(str(path), 0)):
            with path.open("r+b") as file:
                file.truncate(kept)
                file.seek(kept)
                file.write(generator.randbytes(generator.choice((0, generator.randrange(1, 400)))))
            synced[str(path)] = path.stat().st_size
    told.write_text("".join(json.dumps(["sync", path, size]) + "\n" for path, size in synced.items()))


def _synced(told: Path) -> dict[str, int]:
    """Path -> length that was synced."""
    synced: dict[str, int] = {}
    for line in told.read_text().splitlines():
        try:
            what, path, value = json.loads(line)
        except ValueError:
            continue  # it was killed within this line
        match what:
            case "sync":
                synced[path] = value
            case "name":
                synced[value] = synced.get(path, 0)
            case _:
                synced[path] = min(synced.get(path, 0), value)
    return synced


def _watch(told: int) -> None:
    def tell(what: str, path: Any, value: Any) -> None:
        os.write(told, (json.dumps([what, path, value]) + "\n").encode())

    def syncing(real: Callable[[int], None]) -> Callable[[int], None]:
        def sync(descriptor: int) -> None:
            size = os.fstat(descriptor).st_size
            real(descriptor)
            tell("sync", _path(descriptor), size)

        return sync

    def cutting(real: Callable[[Any, int], None]) -> Callable[[Any, int], None]:
        def cut(target: Any, size: int) -> None:
            real(target, size)
            tell("cut", _path(target) if isinstance(target, int) else str(target), size)

        return cut

    def naming(real: Callable[..., None]) -> Callable[..., None]:
        def name(source: Any, target: Any, **options: Any) -> None:
            tell("name", str(source), str(target))  # before: after it, the file under the new name is whole
            real(source, target, **options)

        return name

    os.fsync, os.fdatasync = syncing(os.fsync), syncing(os.fdatasync)  # type: ignore[assignment]
    os.ftruncate, os.truncate = cutting(os.ftruncate), cutting(os.truncate)  # type: ignore[assignment]
    os.rename, os.link = naming(os.rename), naming(os.link)


def _path(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")


def _watch_finalizers() -> None:
    start = asyncio.create_subprocess_exec

    async def watched(*command: str, **options: Any) -> asyncio.subprocess.Process:
        if FINALIZE in command:
            at = command.index(FINALIZE)
            command = (*command[:at], "tests.recorder.watched", FINALIZE, *command[at + 1 :])
        return await start(*command, **options)

    asyncio.create_subprocess_exec = watched  # type: ignore[assignment]


if __name__ == "__main__":
    _watch(os.open(os.environ[WATCHED_FILE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    if sys.argv[1:2] == [FINALIZE]:
        del sys.argv[1]
        finalize.main()
    else:
        _watch_finalizers()
        main()
