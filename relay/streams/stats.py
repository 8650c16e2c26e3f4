"""Figures of a leg: what it sent and threw away, and how it receives its peer (RFC 3550 A.3, A.8). Pure."""

from dataclasses import dataclass

from relay.streams.rtcp import ReceptionReport, SenderInfo, middle
from relay.streams.rtp import RtpPacket


@dataclass
class Counters:
    packets_sent: int = 0
    octets_sent: int = 0
    """Of payload (RFC 3550 section 6.4.1)."""
    discarded: int = 0
    """Packets that were unauthenticated, malformed, unwanted or from a stranger's address."""
    faults: int = 0
    """Errors of this program that were contained to the leg."""


class Reception:
    """What reports say of one source. Takes its packets with counters extended."""

    def __init__(self, ssrc: int, sequence: int) -> None:
        self.ssrc = ssrc
        self._first = sequence
        self._highest = sequence
        self._runs = 0
        self._missed = 0
        self._received = 0
        self._before = (0, 0)
        self._transit: tuple[int, float] | None = None
        """Of the last packet, with the clock that it was counted in."""
        self._jitter = 0.0
        self._last_sr: tuple[int, int] | None = None

    def receive(self, packet: RtpPacket, clock: int, arrival_ns: int) -> None:
        """`clock` in Hz."""
        self._received += 1
        if packet.sequence > self._highest + 1:
            self._runs += 1
            self._missed += packet.sequence - self._highest - 1
        self._highest = max(self._highest, packet.sequence)
        transit = arrival_ns * clock / 1e9 - packet.timestamp
        if self._transit is not None and self._transit[0] == clock:
            # Between two clocks (RFC 7160: events at 8 kHz beside Opus) the difference is the machine's uptime.
            self._jitter += (abs(transit - self._transit[1]) - self._jitter) / 16
        self._transit = clock, transit

    def pace(self, packet: RtpPacket) -> tuple[float, float] | None:
        """Transit and jitter as of the last packet; None if this is not the newest."""
        if self._transit is None or packet.ssrc != self.ssrc or packet.sequence != self._highest:
            return None
        return self._transit[1], self._jitter

    def advance(self, packets: int, transit: float, jitter: float) -> None:
        """So many more came in order, each the one after the highest; transit and jitter as of the last."""
        if self._transit is None:
            raise AssertionError("no packet came before")
        self._received += packets
        self._highest += packets
        self._transit = self._transit[0], transit
        self._jitter = jitter

    def sender_report(self, info: SenderInfo, arrival_ns: int) -> None:
        self._last_sr = (middle(info.ntp), arrival_ns)

    @property
    def runs(self) -> tuple[int, int]:
        """How many runs of numbers were missing when the next one came, and how many numbers were in them."""
        return self._runs, self._missed

    def report(self, now_ns: int) -> ReceptionReport:
        """The block for the next report; its fraction lost counts from the block before."""
        expected = self._highest - self._first + 1
        fraction = self._fraction_lost(expected)
        last_sr, arrival = self._last_sr or (0, now_ns)
        return ReceptionReport(
            ssrc=self.ssrc,
            fraction_lost=fraction,
            packets_lost=expected - self._received,
            highest_sequence=self._highest,
            jitter=int(self._jitter),
            last_sr=last_sr,
            delay_since_last_sr=(now_ns - arrival) * 65536 // 1_000_000_000,
        )

    def _fraction_lost(self, expected: int) -> int:
        expected_before, received_before = self._before
        self._before = (expected, self._received)
        due = expected - expected_before
        lost = due - (self._received - received_before)
        return lost * 256 // due if 0 < lost < due else 255 if 0 < due <= lost else 0
