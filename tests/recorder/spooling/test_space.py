"""When a disk counts as low and as full, and what is told of it."""

import asyncio
import errno
from pathlib import Path

import pytest

from recorder.api import Level
from recorder.spooling import space
from recorder.spooling.space import Space, SpaceWatch, level_of

MB, GB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("free", "total", "level"),
    [
        (7 * MB, 8 * MB, "enough"),
        (MB // 2, 8 * MB, "low"),
        (MB // 10, 8 * MB, "full"),
        (0, 8 * MB, "full"),
        (11 * GB, 4000 * GB, "enough"),
        (9 * GB, 4000 * GB, "low"),
        (255 * MB, 4000 * GB, "full"),
    ],
)
def test_levels(free: int, total: int, level: Level) -> None:
    assert level_of(Space(free, total)) == level


async def test_a_change_is_told_at_once_and_the_rest_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "EVERY", 0.005)
    free = [MB]
    monkeypatch.setattr(space, "measure", lambda _: Space(free[0], MB))
    told: list[tuple[Level, int]] = []
    changed = asyncio.Event()

    def tell(level: Level, found: Space) -> None:
        told.append((level, found.free))
        changed.set()

    watch = SpaceWatch(tmp_path, tell)
    watching = asyncio.create_task(watch.run())
    for now in (MB, MB // 20, MB // 100, MB // 20, MB):
        free[0] = now
        await asyncio.wait_for(changed.wait(), 2)
        changed.clear()
    watching.cancel()
    assert [level for level, _ in told] == ["enough", "low", "full", "low", "enough"]


def test_a_disk_that_is_full_takes_no_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = SpaceWatch(tmp_path, lambda *_: None)
    monkeypatch.setattr(space, "measure", lambda _: Space(MB // 20, MB))
    watch.check()
    monkeypatch.setattr(space, "measure", lambda _: Space(0, MB))
    with pytest.raises(OSError, match="No space") as raised:
        watch.check()
    assert raised.value.errno == errno.ENOSPC


def test_a_folder_that_is_gone_is_no_level(tmp_path: Path) -> None:
    watch = SpaceWatch(tmp_path / "gone", lambda *_: None)
    assert not watch.look()
    assert watch.level == "enough"
