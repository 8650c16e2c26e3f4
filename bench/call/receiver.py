"""Reads what arrives: sound is kept for later, digits and reports are taken in, everything else is counted. Pure."""

from collections.abc import Mapping

from bench.call.codecs import Codec, Samples
from bench.call.dtmf import DigitReader
from bench.call.errors import PacketError
from bench.call.hearing import HeardPacket, place
from bench.call.reception import Reception
from bench.call.rtcp import ReportBlock, parse_reports
from bench.call.rtp import parse_rtp


class Receiver:
    """The incoming side of one call. Times are seconds since its time line began."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.reception = Reception(codec.clock_rate)
        self.digits = DigitReader()
        self.formats: dict[int, Codec] = {codec.payload_type: codec}
        self.events: frozenset[int] = frozenset()
        self.remote_report: ReportBlock | None = None
        """What the peer last told of our stream."""
        self.discarded = 0
        """Malformed, not authentic, or of a payload type that was not negotiated."""
        self.packets: list[HeardPacket] = []

    def expect(self, formats: Mapping[int, Codec], events: frozenset[int]) -> None:
        """From now on these payload types are sound and those are digits."""
        self.formats = {**self.formats, **formats}
        self.events = self.events | events

    def receive_rtp(self, data: bytes, arrival: float) -> None:
        try:
            packet = parse_rtp(data)
            codec = self.formats.get(packet.payload_type)
            if codec is None and packet.payload_type not in self.events:
                raise PacketError("payload type was not negotiated")
            timestamp = self.reception.add(packet, arrival)
            if codec is None:
                self.digits.add(packet)
            else:
                self.packets.append(HeardPacket(codec, packet.ssrc, timestamp, arrival, packet.payload))
        except PacketError:
            self.discarded += 1

    def receive_rtcp(self, data: bytes, ours: int) -> None:
        """`ours` is the SSRC that we send with."""
        try:
            for block in parse_reports(data):
                if block.ssrc == ours:
                    self.remote_report = block
        except PacketError:
            self.discarded += 1

    def heard(self, seconds: float) -> Samples:
        """The whole time line up to `seconds` at the codec's rate."""
        return place(self.packets, self.codec.rate, seconds)
