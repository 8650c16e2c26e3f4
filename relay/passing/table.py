"""What is known of all runs, as columns, and how a packet looks that is the next of its run. Pure."""

import msgspec
import numpy as np

from relay.mixing.rows import longer
from relay.passing.pace import Pace, PaceStart
from relay.passing.waiting import Waiting

NEVER = 1 << 40
"""No four octets are this number."""
KEPT = -1


class Looks(msgspec.Struct, frozen=True):
    """How the packets of a run look: what is the same in all of them. Numbers all."""

    head: int
    """The first four octets without the sequence number."""
    ssrc: int
    least: int
    """Octets, and the most."""
    most: int
    mask: int
    """What of the two octets after the header is the same."""
    content: int
    patience_ns: int
    """The next one has come before."""
    to: int
    """The line that they go out on, or KEPT: they wait for their turn."""
    out_head: int
    out_ssrc: int
    samples: int
    """The length of each, in units of the clock."""


PATIENCE, TO, SAMPLES = (Looks.__struct_fields__.index(name) for name in ("patience_ns", "to", "samples"))
SEQUENCE, TIMESTAMP, OUT_SEQUENCE, OUT_TIMESTAMP, LAST, LOOK = range(6)
"""Columns of `state`."""


class Start(msgspec.Struct, frozen=True):
    """The packet that a run follows on, and how those that follow look."""

    looks: Looks
    next: tuple[int, int, int, int]
    """Sequence number and timestamp of the next packet, extended, and those that it is passed on by."""
    arrival_ns: int
    look_ns: int
    """When the run wants to see a packet."""
    pace: PaceStart
    addresses: bytes = b""
    """Under which its packets are recorded, as relay.tapping.tap gives them."""


class RunTable:
    """Rows are numbers of lines."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.waiting = Waiting()
        self.size = 0
        self.fixed = np.zeros((0, len(Looks.__struct_fields__)), np.int64)
        """What each run's packets look like, as in Looks; NEVER where there is no run."""
        self.state = np.zeros((0, 6), np.int64)
        """Sequence number and timestamp of the packet that is expected, extended; those that it will go by; when the
        last one came; when the run wants to see one."""

    def begin(self, line: int, start: Start) -> None:
        self.grow(line + 1)
        self.fixed[line] = msgspec.structs.astuple(start.looks)
        self.state[line] = (*start.next, start.arrival_ns, start.look_ns)
        self.pace.begin(line, start.pace, start.next[1] - start.looks.samples)

    def end(self, line: int) -> None:
        self.fixed[line, 0] = NEVER

    def grow(self, size: int) -> None:
        """There are so many rows at least from now on."""
        if size <= self.size:
            return
        more = max(64, size) * 2 - self.size
        self.size += more
        self.fixed, self.state = longer(self.fixed, more), longer(self.state, more)
        self.fixed[-more:, 0] = NEVER
        self.pace.grow(self.size)
        self.waiting.grow(self.size)
