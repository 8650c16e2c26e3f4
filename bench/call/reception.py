"""What a receiver knows of one stream: loss, jitter, gaps (RFC 3550 §6.4.1, A.1, A.3, A.8). Pure."""

from bench.call.rtcp import ReportBlock
from bench.call.rtp import RtpPacket, extend


class Reception:
    """Figures over all sources that were heard; each source counts its own loss and jitter, and the sums are told."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._sources: dict[int, Source] = {}
        self._last_arrival: float | None = None
        self.received = 0
        self.largest_gap = 0.0
        """Longest time between two arrivals, in seconds."""

    def add(self, packet: RtpPacket, arrival: float) -> int:
        """Counts a packet that arrived at `arrival` seconds. Returns its extended timestamp."""
        self.received += 1
        if self._last_arrival is not None:
            self.largest_gap = max(self.largest_gap, arrival - self._last_arrival)
        self._last_arrival = arrival
        source = self._sources.get(packet.ssrc)
        if source is None:
            source = self._sources[packet.ssrc] = Source(packet, self._clock_rate)
        return source.add(packet, arrival)

    @property
    def lost(self) -> int:
        """Packets that never came; a duplicate does not make up for one."""
        return sum(source.lost for source in self._sources.values())

    @property
    def duplicates(self) -> int:
        return sum(source.duplicates for source in self._sources.values())

    @property
    def reordered(self) -> int:
        return sum(source.reordered for source in self._sources.values())

    @property
    def jitter(self) -> float:
        """Interarrival jitter of the last source, in seconds."""
        return self._newest.jitter if self._sources else 0.0

    @property
    def max_jitter(self) -> float:
        return max((source.max_jitter for source in self._sources.values()), default=0.0)

    @property
    def sources(self) -> tuple[int, ...]:
        return tuple(self._sources)

    def report_blocks(self) -> tuple[ReportBlock, ...]:
        """What RTCP tells the sender of the newest source."""
        return (self._newest.report_block(),) if self._sources else ()

    @property
    def _newest(self) -> "Source":
        return next(reversed(self._sources.values()))


class Source:
    """One SSRC."""

    def __init__(self, first: RtpPacket, clock_rate: int) -> None:
        self._ssrc = first.ssrc
        self._clock_rate = clock_rate
        self._base = self._highest = first.sequence
        self._timestamp = first.timestamp
        self._transit: float | None = None
        self._seen: set[int] = set()
        self._reported = (0, 0)
        self.duplicates = 0
        self.reordered = 0
        self.jitter = 0.0
        self.max_jitter = 0.0

    def add(self, packet: RtpPacket, arrival: float) -> int:
        sequence = extend(packet.sequence, self._highest, 16)
        timestamp = extend(packet.timestamp, self._timestamp, 32)
        if sequence in self._seen:
            self.duplicates += 1
            return timestamp
        self._seen.add(sequence)
        self._base = min(self._base, sequence)
        if sequence < self._highest:
            self.reordered += 1
        else:
            self._highest, self._timestamp = sequence, timestamp
        self._measure(arrival - timestamp / self._clock_rate)
        return timestamp

    @property
    def expected(self) -> int:
        return self._highest - self._base + 1

    @property
    def lost(self) -> int:
        return self.expected - len(self._seen)

    def report_block(self) -> ReportBlock:
        expected, lost = self.expected - self._reported[0], self.lost - self._reported[1]
        self._reported = (self.expected, self.lost)
        fraction = min(255, 256 * max(0, lost) // expected) if expected > 0 else 0
        return ReportBlock(self._ssrc, fraction, self.lost, self._highest, int(self.jitter * self._clock_rate))

    def _measure(self, transit: float) -> None:
        if self._transit is not None:
            self.jitter += (abs(transit - self._transit) - self.jitter) / 16
            self.max_jitter = max(self.max_jitter, self.jitter)
        self._transit = transit
