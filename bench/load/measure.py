"""One measurement: set the legs up, let them talk, count CPU time in the middle of it, judge what was heard."""

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.load.batches import BatchSocket
from bench.load.drive import Driver, Log
from bench.load.judge import Verdict, judge
from bench.load.script import write
from bench.load.target import Target
from bench.load.work import Work
from bench.processes import process_cpu, process_memory

ADDRESS = "127.0.0.1"
TAIL_SECONDS = 0.5
_WIDTHS = {"PCMU": 200, "opus": 400}
_PRIORITY = 10
_TELL_SECONDS = 0.5

Tell = Callable[[str, float], None]
"""(what is being done, share of it that is done)."""


@dataclass(frozen=True)
class Span:
    seconds: float = 10.0
    """That count."""
    settle: float = 3.0
    """Talk before them: jitter buffers find their length."""


@dataclass(frozen=True)
class Figures:
    """Of one server at one work."""

    server: str
    version: str
    work: str
    title: str
    legs: int
    srtp: bool
    seconds: float
    millicores_per_leg: float
    """Process CPU time of the server over leg-seconds, in thousandths of a core."""
    memory_kb_per_leg: float
    """How much more the server held with all legs talking than before the first."""
    verdict: Verdict
    load_late_ms: float
    """How late the load itself was at worst: with more than some milliseconds the gaps are its own."""
    load_dropped: int
    """Packets that the load itself lost: with any, the loss is not the server's."""


async def measure(target: Target, wanted: Work, span: Span, tell: Tell = lambda what, share: None) -> Figures:
    """Raises ValueError when the server cannot do this work, RuntimeError when it refuses it."""
    work = target.accepts(wanted)
    width = max(_WIDTHS[leg.codec] for leg in work.legs)
    sock = BatchSocket(ADDRESS, width)
    try:
        memory = process_memory(target.pids)
        tell("setting up", 0.0)
        lines = await target.connect(work, sock.address)
        whole = span.settle + span.seconds + TAIL_SECONDS
        script = await asyncio.to_thread(write, lines, whole, lambda share: tell("making packets", share))
        done = await talk(target, Driver(sock, lines, script), span, tell)
        memory_used = process_memory(target.pids) - memory
        await target.disconnect(work)
    finally:
        sock.close()
    tell("judging", 0.0)
    verdict = await asyncio.to_thread(judge, work, lines, done.log, *done.window)
    legs = len(work.legs)
    return Figures(
        server=target.name,
        version=target.version,
        work=work.name,
        title=work.title,
        legs=legs,
        srtp=any(leg.srtp for leg in work.legs),
        seconds=span.seconds,
        millicores_per_leg=round(1000 * done.cpu_seconds / (legs * done.elapsed), 3),
        memory_kb_per_leg=round(memory_used / 1000 / legs, 1),
        verdict=verdict,
        load_late_ms=round(done.log.late_ms, 1),
        load_dropped=done.log.dropped + done.log.unsent,
    )


@dataclass(frozen=True)
class Talk:
    log: Log
    cpu_seconds: float
    elapsed: float
    window: tuple[int, int]


async def talk(target: Target, driver: Driver, span: Span, tell: Tell) -> Talk:
    gc.collect()
    gc.freeze()  # the script is large, and looking at it would stop the clockwork
    loop = asyncio.get_running_loop()
    with _before_all_others(), ThreadPoolExecutor(1) as own_thread:
        running = loop.run_in_executor(own_thread, _run_apart, driver)
        try:
            await _pass(span.settle, "settling", tell)
            cpu, began, first = process_cpu(target.pids), loop.time(), time.time_ns()
            await _pass(span.seconds, "measuring", tell)
            cpu, elapsed, last = process_cpu(target.pids) - cpu, loop.time() - began, time.time_ns()
            log = await running
        except BaseException:
            driver.stop()
            raise
    gc.unfreeze()
    return Talk(log, cpu, elapsed, (first, last))


def _run_apart(driver: Driver) -> Log:
    """On the last core; what is set here is of this thread alone."""
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return driver.run()


@contextlib.contextmanager
def _before_all_others() -> Iterator[None]:
    """The load takes little time, but takes it at once, or the gaps would be its own. Threads that are made meanwhile
    inherit it; this one must have it too, since they share the interpreter's lock.

    Niceness would not do: where sessions are scheduled as groups, it counts within the session only."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except OSError:
        yield  # not permitted: the figures tell how late the load was
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


async def _pass(seconds: float, what: str, tell: Tell) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (left := began + seconds - loop.time()) > 0:
        tell(what, 1 - left / seconds)
        await asyncio.sleep(min(left, _TELL_SECONDS))
