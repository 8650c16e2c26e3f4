"""The RTP stream that we send on a leg: one SSRC, its sequence numbers and timestamps, whether the packets are made
here or passed on from another leg. Pure."""

import secrets

from relay.digits.keypad import EventPacket
from relay.engine import Outgoing
from relay.passing.direct import Passed
from relay.streams.rtp import RtpPacket, header
from relay.streams.sequence import MAX_DROPOUT

STRANGE_NS = 1_000_000_000
"""A timestamp that is so far from what the time between two packets makes it is another clock's."""


class Anchor:
    """How the counters of a source that is passed on become ours."""

    def __init__(self, first: Passed, sequence: int, timestamp: int) -> None:
        self._ssrc = first.packet.ssrc
        self._note(first)
        self._first = first.packet.sequence
        self._sequence = sequence - first.packet.sequence
        self._timestamp = timestamp - first.packet.timestamp

    def holds(self, passed: Passed) -> bool:
        """Whether the packet is counted as the others were: neither the source nor its clock began anew."""
        packet = passed.packet
        if packet.ssrc != self._ssrc or abs(packet.sequence - self._newest) > MAX_DROPOUT:
            return False
        elapsed = passed.arrival_ns - self._arrival_ns
        said = (packet.timestamp - self._stamped) * 1_000_000_000 // passed.clock
        return passed.clock == self._clock and abs(said - elapsed) < STRANGE_NS

    def is_at(self, packet: RtpPacket) -> bool:
        """Whether the packet is the newest."""
        return packet.ssrc == self._ssrc and packet.sequence == self._newest

    def advance(self, packets: int, units: int, arrival_ns: int) -> None:
        """So many more came in order, the last one then; their sound is `units` long together."""
        self._newest += packets
        self._stamped += units
        self._arrival_ns = arrival_ns

    def counters(self, passed: Passed) -> tuple[int, int] | None:
        """Our sequence number and timestamp, unbounded; None for a packet from before the first."""
        packet = passed.packet
        if packet.sequence < self._first:
            return None
        if packet.sequence >= self._newest:
            self._note(passed)
        return packet.sequence + self._sequence, packet.timestamp + self._timestamp

    def leave_out(self, passed: Passed) -> None:
        """A number of the source that is not passed on: ours have no hole for it."""
        if 0 < passed.packet.sequence - self._newest <= MAX_DROPOUT:
            self._sequence -= 1
            self._note(passed)

    def _note(self, passed: Passed) -> None:
        self._newest, self._stamped = passed.packet.sequence, passed.packet.timestamp
        self._arrival_ns, self._clock = passed.arrival_ns, passed.clock


class SendStream:
    """Numbers begin at random, so that they say nothing of the stream's age (RFC 3550 section 5.1)."""

    def __init__(self) -> None:
        self.ssrc = secrets.randbits(32)
        self.cname = secrets.token_hex(8)
        """RFC 7022 section 4.2: short-term persistent, and nobody's address."""
        self._sequence = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._silent = True
        self._anchor: Anchor | None = None

    @property
    def timestamp(self) -> int:
        """Of the next packet, in 32 bits."""
        return self._timestamp

    def next(self, outgoing: Outgoing) -> bytes:
        """The packet to protect and send."""
        self._anchor = None
        marker = outgoing.marker or self._silent
        self._silent = False
        head = header(outgoing.payload_type, marker, self.ssrc, (self._sequence, self._timestamp))
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._advance(outgoing)
        return head + outgoing.payload

    def made(self, packets: int, units: int, silent: bool) -> None:
        """So many more packets were sent, made elsewhere as `next` makes them; `units`: how much time went by with
        them, and with `skip`; `silent`: this was the last."""
        self._silent = silent
        self._sequence = (self._sequence + packets) & 0xFFFF
        self._timestamp = (self._timestamp + units) & 0xFFFFFFFF

    @property
    def following(self) -> tuple[int, int] | None:
        """Sequence number and timestamp of the next packet; None: it begins something."""
        return None if self._silent or self._anchor is not None else (self._sequence, self._timestamp)

    def event(self, payload_type: int, event: EventPacket) -> bytes:
        """A packet of a telephone event, which takes no time of its own: `skip` tells of the sound that it replaces."""
        timestamp = (self._timestamp - event.since) & 0xFFFFFFFF
        head = header(payload_type, event.marker, self.ssrc, (self._sequence, timestamp))
        self._sequence = (self._sequence + 1) & 0xFFFF
        return head + event.payload

    def relay(self, passed: Passed) -> bytes | None:
        """The packet to protect and send for one that is passed on, on the heels of what was sent before; None if it is
        none or comes too late."""
        if passed.aside:
            if self._anchor is not None:
                self._anchor.leave_out(passed)
            return None
        if self._anchor is None or passed.begins or not self._anchor.holds(passed):
            self._anchor = Anchor(passed, self._sequence, self._timestamp)
        counters = self._anchor.counters(passed)
        if counters is None:
            return None
        marker, self._silent = passed.packet.marker or self._silent, False
        sequence, timestamp = counters[0] & 0xFFFF, counters[1] & 0xFFFFFFFF
        if (sequence - self._sequence) & 0xFFFF < 0x8000:
            self._sequence = (sequence + 1) & 0xFFFF
            self._timestamp = (timestamp + passed.samples) & 0xFFFFFFFF
        return header(passed.payload_type, marker, self.ssrc, (sequence, timestamp)) + passed.packet.payload

    def next_after(self, packet: RtpPacket) -> tuple[int, int] | None:
        """Sequence number and timestamp of what is passed on next, if that follows on this packet, which was the last;
        None: it was not."""
        if self._silent or self._anchor is None or not self._anchor.is_at(packet):
            return None
        return self._sequence, self._timestamp

    def advance(self, packets: int, units: int, arrival_ns: int) -> None:
        """So many more were passed on elsewhere, each where `next_after` said; `units`: how long together."""
        self._sequence = (self._sequence + packets) & 0xFFFF
        self._timestamp = (self._timestamp + units) & 0xFFFFFFFF
        if self._anchor is not None:
            self._anchor.advance(packets, units, arrival_ns)

    def hold(self, passed: Passed) -> None:
        """As `skip`, of a packet that would be passed on."""
        if not passed.aside:
            self._silent, self._anchor = True, None
            self._timestamp = (self._timestamp + passed.samples) & 0xFFFFFFFF

    def let_go_by(self, samples: int) -> None:
        """Time went by unheard before the packet that comes next."""
        self._timestamp = (self._timestamp + samples) & 0xFFFFFFFF

    def skip(self, outgoing: Outgoing) -> None:
        """Time passes and nothing is sent: the peer does not want to hear us now."""
        self._silent, self._anchor = True, None
        self._advance(outgoing)

    def _advance(self, outgoing: Outgoing) -> None:
        self._timestamp = (self._timestamp + outgoing.samples) & 0xFFFFFFFF
