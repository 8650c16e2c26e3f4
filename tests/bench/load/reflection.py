"""A server that is perfect, in memory: every leg of a room of two hears the other, so much later."""

from dataclasses import replace

import numpy as np

from bench.load.drive import Log
from bench.load.script import Line, write
from bench.load.work import Work, make_work

START_NS = 1_700_000_000_000_000_000
FRAME_NS = 20_000_000
WAY_NS = 30_000_000


def lines_of(work: Work) -> list[Line]:
    return [Line(leg, ("127.0.0.1", 40000 + 2 * leg.number), 0 if leg.codec == "PCMU" else 111) for leg in work.legs]


def calls(legs: int = 4) -> Work:
    return make_work("pcmu-pairs", legs).plain()


def reflect(work: Work, seconds: int = 4) -> Log:
    """What comes back to each leg, and when everything was sent."""
    script = write(lines_of(work), seconds)
    frames, count = script.sizes.shape
    sent = START_NS + FRAME_NS * np.arange(frames)[:, None] + 1_000_000 * np.arange(count)[None, :]
    other = np.arange(count) ^ 1
    at = (sent[:, other] + WAY_NS).reshape(-1)
    order = np.argsort(at, kind="stable")
    return Log(
        np.tile(np.arange(count, dtype=np.int32), frames)[order],
        at[order],
        script.sizes[:, other].reshape(-1)[order],
        script.data[:, other].reshape(frames * count, -1)[order],
        sent,
    )


def keep(log: Log, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Log:
    return replace(log, legs=log.legs[chosen], at_ns=log.at_ns[chosen], sizes=log.sizes[chosen], data=log.data[chosen])
