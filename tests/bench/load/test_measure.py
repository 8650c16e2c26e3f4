"""Legs through a real relay worker; one that connects the wrong people is found out."""

from dataclasses import replace

import pytest

from bench.load.batches import Address
from bench.load.measure import Span, measure
from bench.load.script import Line
from bench.load.table import heard, row
from bench.load.targets.workers import Workers
from bench.load.work import Work, make_work

SPAN = Span(2.0, 1.0)


class CrossedLines(Workers):
    """Puts everybody into one room, and leg 3 nowhere."""

    async def connect(self, work: Work, at: Address) -> list[Line]:
        rooms = [replace(leg, room=9 if leg.number == 3 else 0) for leg in work.legs]
        lines = await super().connect(replace(work, legs=tuple(rooms)), at)
        return [replace(line, leg=leg) for line, leg in zip(lines, work.legs, strict=True)]


async def test_measures_a_worker_that_does_it_right() -> None:
    async with Workers() as target:
        figures = await measure(target, make_work("srtp-rtp", 4), SPAN)
        assert all(status.legs == 0 for status in await target.status())
    assert figures.verdict.right
    assert figures.verdict.packets >= 4 * 75
    assert figures.millicores_per_leg > 0
    assert figures.verdict.mouth_to_ear_ms["markers"] >= 4
    assert figures.srtp
    assert heard(figures) == "right"


async def test_measures_a_worker_that_crosses_the_lines() -> None:
    async with CrossedLines() as target:
        figures = await measure(target, make_work("pcmu-pairs", 4), SPAN)
    assert set(figures.verdict.wrongly_heard) == {(0, 2), (1, 2), (2, 0), (2, 1)}
    assert set(figures.verdict.not_heard) == {(2, 3), (3, 2)}
    assert row(figures)[-1] == "2 missed, 4 wrong"


async def test_what_the_worker_refuses_is_said() -> None:
    work = make_work("pcmu-pairs", 2)
    async with Workers() as target:
        with pytest.raises(RuntimeError, match="exists"):
            await measure(target, replace(work, legs=(work.legs[0], work.legs[0])), SPAN)
