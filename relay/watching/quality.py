"""How well the two directions of a leg are heard, in each interval and over the whole call. Pure.

What comes is judged by what the engine could play of it; what goes, by the peer's reports (RFC 3550 section 6.4).
"""

from collections import deque

from relay.api import Flow
from relay.engine import EngineReport
from relay.streams.rtcp import ReceptionReport
from relay.watching.emodel import mean_opinion_score, rating

PACKET_MS = 20.0
QUOTED_REPORTS = 8
"""Sender reports of ours that a peer may still quote."""
STALLS = 2
"""So many reports of the peer in a row without progress say that it does not receive us."""
STALL_PACKETS = 50
_MISSING = (1 << 32) - 1


class Total:
    """Intervals of one direction, summed up."""

    def __init__(self) -> None:
        self._packets = self._lost = 0
        self._score = self._jitter = 0.0
        self._round_trip: float | None = None
        self._least = 5.0

    def add(self, flow: Flow) -> None:
        self._packets += flow.packets
        self._lost += flow.lost
        self._score += flow.mos * flow.packets
        self._jitter += flow.jitter_ms * flow.packets
        self._round_trip = flow.round_trip_ms if flow.round_trip_ms is not None else self._round_trip
        self._least = min(self._least, flow.mos_least)

    def flow(self) -> Flow | None:
        """Means weighted by packets; None: nothing was measured."""
        if not self._packets:
            return None
        mos, jitter = self._score / self._packets, self._jitter / self._packets
        return Flow(self._packets, self._lost, round(jitter, 1), self._round_trip, round(mos, 2), self._least)


class Incoming:
    """What the peer sends."""

    def __init__(self) -> None:
        self.total = Total()
        self._before = EngineReport()
        self._runs_before = (0, 0)

    def measure(self, heard: EngineReport, runs: tuple[int, int], round_trip_ms: float | None) -> Flow | None:
        """The interval since the last call; None if nothing came. `runs`: how many runs of losses there were from the
        beginning, and how many packets in them."""
        before, self._before = self._before, heard
        runs_before, self._runs_before = self._runs_before, runs
        missing = max(0, heard.packets_lost - before.packets_lost)
        packets = heard.packets_received - before.packets_received + missing
        lost = min(packets, missing + heard.packets_late - before.packets_late)
        if packets <= 0:
            return None
        burst = _burst_ratio(runs[0] - runs_before[0], runs[1] - runs_before[1], lost / packets)
        delay = (round_trip_ms or 0.0) / 2 + heard.delay_ms + PACKET_MS
        flow = _flow(packets, lost, heard.jitter_ms, round_trip_ms, rating(delay, lost / packets, burst))
        self.total.add(flow)
        return flow


class Outgoing:
    """What we send, as the peer tells of it."""

    def __init__(self, trusted: bool) -> None:
        """`trusted`: a report without a word of us says that nothing of ours has come."""
        self.total = Total()
        self.round_trip_ms: float | None = None
        self.heard: bool | None = None
        """Whether the peer receives us; None: it has not said."""
        self._trusted = trusted
        self._quoted: deque[tuple[int, int]] = deque(maxlen=QUOTED_REPORTS)
        self._before: ReceptionReport | None = None
        self._sent_before = 0
        self._stalls = 0
        self._latest: Flow | None = None

    def reported(self, quoted: int, now_ns: int) -> None:
        """A sender report of ours went out; `quoted`: the middle of its NTP time."""
        self._quoted.append((quoted, now_ns))

    def take(self, block: ReceptionReport | None, sent: int, clock: int, now_ns: int) -> None:
        """A report of the peer's: what it says of us, if it does. `sent`: packets from the beginning; `clock` in Hz."""
        since, self._sent_before = sent - self._sent_before, sent
        progress = block is not None and (
            self._before is None or block.highest_sequence != self._before.highest_sequence
        )
        if progress:
            self._stalls, self.heard = 0, True
        elif since >= STALL_PACKETS and (block is not None or self._before is not None or self._trusted):
            self._stalls += 1
            self.heard = False if self._stalls >= STALLS else self.heard
        if block is not None:
            self._measure(block, since, clock, now_ns)

    def latest(self) -> Flow | None:
        """What the peer said last, once."""
        latest, self._latest = self._latest, None
        return latest

    def _measure(self, block: ReceptionReport, since: int, clock: int, now_ns: int) -> None:
        self._time(block, now_ns)
        before, self._before = self._before, block
        if before is None:
            packets, lost = since, max(0, block.packets_lost)
        else:
            packets = (block.highest_sequence - before.highest_sequence) & _MISSING
            lost = max(0, block.packets_lost - before.packets_lost)
        if not 0 < packets <= max(since, STALL_PACKETS) * 2:  # a peer that counts from somewhere else now
            return
        lost = min(lost, packets)
        jitter_ms = block.jitter * 1000 / clock
        # Its buffer is not told; twice the jitter is what one needs, and a packet at least.
        delay = (self.round_trip_ms or 0.0) / 2 + max(2 * jitter_ms, PACKET_MS) + PACKET_MS
        self._latest = _flow(packets, lost, jitter_ms, self.round_trip_ms, rating(delay, lost / packets))
        self.total.add(self._latest)

    def _time(self, block: ReceptionReport, now_ns: int) -> None:
        """RFC 3550 section 6.4.1, on our own clock: a peer's quotation of what we never sent is not believed."""
        for quoted, at_ns in self._quoted:
            if quoted == block.last_sr:
                trip = (now_ns - at_ns) / 1e6 - block.delay_since_last_sr / 65.536
                if trip >= 0:
                    self.round_trip_ms = round(trip, 1)


def _flow(packets: int, lost: int, jitter_ms: float, round_trip_ms: float | None, r: float) -> Flow:
    mos = round(mean_opinion_score(r), 2)
    return Flow(packets, lost, round(jitter_ms, 1), round_trip_ms, mos, mos)


def _burst_ratio(runs: int, packets: int, loss: float) -> float:
    return max(1.0, packets / runs * (1 - loss)) if runs > 0 else 1.0
