import asyncio
import select
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from relay import tick
from relay.tick import BEAT_NS, LAG_TICKS, TICK_NS, Ticker

MS = 1_000_000


class Loop:
    """Virtual time: `run` calls what was asked for when it is due, later by what the test says."""

    def __init__(self) -> None:
        self.now = 0
        self.due: list[tuple[int, Callable[[], None]]] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        self.due.append((self.now + round(delay * 1e9), callback))

    def run(self, late_ns: int = 0) -> None:
        when, callback = self.due.pop()
        self.now = max(self.now, when) + late_ns
        callback()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: made)
    monkeypatch.setattr(tick, "now_ns", lambda: made.now)
    return made


def test_deadlines_are_absolute(loop: Loop) -> None:
    times: list[int] = []
    ticker = Ticker(times.append)
    ticker.start()
    for late in (0, 3 * MS, 0, 4 * MS, 0):
        loop.run(late)
    assert times == [TICK_NS, 2 * TICK_NS + 3 * MS, 3 * TICK_NS, 4 * TICK_NS + 4 * MS, 5 * TICK_NS]
    assert (ticker.ticks, ticker.late) == (5, 0)
    assert ticker.lateness == [3, 0, 2, 0, 0, 0, 0, 0]
    assert round(ticker.lateness_seconds, 9) == 0.007


def test_ticks_that_were_missed_are_made_up_and_counted(loop: Loop) -> None:
    times: list[int] = []
    ticker = Ticker(times.append)
    ticker.start()
    loop.run(70 * MS)
    for _ in range(4):
        loop.run()
    assert times == [90 * MS, 90 * MS, 90 * MS, 90 * MS, 100 * MS]
    assert ticker.late == 4  # behind 70, 50, 30 and 10 ms
    assert ticker.lateness == [1, 0, 0, 1, 0, 2, 1, 0]


def test_after_a_long_stop_deadlines_begin_anew(loop: Loop) -> None:
    times: list[int] = []
    ticker = Ticker(times.append)
    ticker.start()
    loop.run(10_000 * MS)
    loop.run()
    assert times == [10_020 * MS, 10_040 * MS]


def test_the_lag_is_the_worst_lateness_of_the_last_seconds(loop: Loop) -> None:
    ticker = Ticker(lambda _: None)
    ticker.start()
    loop.run(8 * MS)
    for _ in range(LAG_TICKS):
        loop.run()
    assert ticker.lag_ms == 8
    for _ in range(LAG_TICKS):
        loop.run()
    assert ticker.lag_ms == 0


def test_the_work_of_ticks_is_summed_up_even_if_one_fails(loop: Loop) -> None:
    def work(_: int) -> None:
        loop.now += 3 * MS
        if ticker.ticks == 2:
            raise RuntimeError("a fault")

    ticker = Ticker(work)
    ticker.start()
    loop.run()
    with pytest.raises(RuntimeError):
        loop.run()
    loop.run()
    assert round(ticker.busy_seconds, 9) == 0.009


def test_between_ticks_there_are_beats_while_they_are_wanted(loop: Loop) -> None:
    told: list[tuple[str, int]] = []
    wanted = [True]

    def beat(until_ns: int) -> int:
        told.append(("beat", loop.now))
        return 0

    ticker = Ticker(lambda now: told.append(("tick", now)), beat, lambda: wanted[0])
    ticker.start()
    turns = TICK_NS // BEAT_NS
    for _ in range(turns):
        loop.run()
    assert told == [*(("beat", at * BEAT_NS) for at in range(1, turns)), ("tick", TICK_NS)]
    wanted[0] = False
    loop.run()
    loop.run()
    assert [what for what, _ in told[turns:]] == ["beat", "tick"]
    assert ticker.lateness[0] == 2


def test_a_beat_may_last_until_the_tick_and_is_busy_only_while_it_works(loop: Loop) -> None:
    told: list[tuple[str, int]] = []

    def beat(until_ns: int) -> int:
        told.append(("beat", loop.now))
        loop.now = until_ns
        return until_ns - told[-1][1] - MS

    ticker = Ticker(lambda now: told.append(("tick", now)), beat, lambda: True)
    ticker.start()
    for _ in range(4):
        loop.run()
    assert told == [("beat", BEAT_NS), ("tick", TICK_NS), ("beat", TICK_NS + BEAT_NS), ("tick", 2 * TICK_NS)]
    assert round(ticker.busy_seconds, 9) == 0.002


async def test_a_loop_says_by_a_descriptor_that_it_has_something_to_do() -> None:
    def ready(of: asyncio.AbstractEventLoop) -> bool:
        descriptor = tick.descriptor_of(of)
        assert descriptor is not None
        return bool(select.select([descriptor], [], [], 0)[0])

    def both(loop: asyncio.AbstractEventLoop) -> tuple[bool, bool]:
        here, there = socket.socketpair()
        with here, there:
            loop.add_reader(here, lambda: None)
            loop.run_until_complete(asyncio.sleep(0))
            before = ready(loop)
            there.send(b"x")
            after = ready(loop)
            loop.remove_reader(here)
        loop.close()
        return before, after

    for loop in (uvloop.new_event_loop(), asyncio.new_event_loop()):
        assert await asyncio.to_thread(both, loop) == (False, True)
