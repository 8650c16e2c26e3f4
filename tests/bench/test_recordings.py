"""Recorded legs through a real worker and a real recorder; files with a stranger in them are found out."""

import io
import wave

import numpy as np
import pytest

from bench.load.measure import Span, measure
from bench.load.targets.recorded_workers import RecordedWorkers
from bench.load.work import make_work
from bench.recordings import right

WORK = make_work("pcmu-pairs", 4)


def file(left: int, right: int, faint: int | None = None) -> bytes:
    at = np.arange(4 * 8000) / 8000
    sides = [5000 * np.sin(2 * np.pi * hertz * at) for hertz in (left, right)]
    if faint is not None:
        sides[0] += 300 * np.sin(2 * np.pi * faint * at)
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(np.stack(sides, axis=1).astype("<i2").tobytes())
    return out.getvalue()


def tone(leg: int) -> int:
    found = WORK.legs[leg].tone
    assert found is not None
    return found


def test_a_file_is_right_with_the_agent_on_the_right_and_nobody_else() -> None:
    assert right(file(tone(1), tone(0)), WORK, 0)
    assert right(file(tone(3), tone(2)), WORK, 1)


@pytest.mark.parametrize(
    ("left", "agent", "faint"),
    [(0, 1, None), (1, 2, None), (1, 0, 3), (1, 0, 0)],
    ids=["swapped", "other", "faint", "own"],
)
def test_a_file_with_a_side_that_is_not_its_own_is_wrong(left: int, agent: int, faint: int | None) -> None:
    assert not right(file(tone(left), tone(agent), None if faint is None else tone(faint)), WORK, 0)


async def test_recorded_legs_are_delivered_each_with_its_own_voices() -> None:
    async with RecordedWorkers() as target:
        figures = await measure(target, WORK, Span(2.0, 1.0))
        await target.seal(WORK)
        told = await target.delivered(WORK, 30.0)
        files = [await target.read(room) for room in WORK.rooms]
    assert figures.verdict.right
    assert [told[room].state for room in WORK.rooms] == ["released", "released"]
    assert all(one.duration_ms > 3000 for one in told.values())
    assert [right(one, WORK, room) for room, one in enumerate(files)] == [True, True]
