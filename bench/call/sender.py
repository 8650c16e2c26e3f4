"""Makes the packets of each 20 ms: sound, or a digit. Pure."""

import secrets
from collections import deque

from bench.call.codecs import Codec
from bench.call.dtmf import EventFrame, event_frames
from bench.call.rtcp import SenderInfo
from bench.call.rtp import RtpPacket
from bench.call.sounds import Source


class Sender:
    """One outgoing stream: an SSRC with its sequence numbers and clock."""

    def __init__(self, codec: Codec, payload_type: int, events: int | None, source: Source) -> None:
        self.codec = codec
        self.payload_type = payload_type
        self.events = events
        """Payload type of telephone-events; None: the peer does not take them, and digits are dropped."""
        self.source = source
        self.muted = False
        """The microphone is off: silence is sent in place of the source, which runs on."""
        self.ssrc = secrets.randbits(32)
        self.packets = 0
        self.octets = 0
        self.dropped_digits = ""
        self._encoder = codec.make_encoder()
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._events: deque[EventFrame] = deque()
        self._event_begun = 0
        """All packets of an event carry the timestamp of its beginning, also when a frame had to be left out in it."""
        self._begin = True

    def dial(self, digits: str) -> float:
        """Puts digits in the queue. Returns the seconds until they are all sent."""
        if self.events is None:
            self.dropped_digits += digits
            return 0.0
        self._events.extend(event_frames(digits, self.codec.frame))
        return len(self._events) / 50

    def next_packets(self) -> list[RtpPacket]:
        """The packets of this frame; the clock goes on by 20 ms."""
        samples = self.source.take(self.codec.samples)
        if self._events:
            packets = self._event(self._events.popleft())
        else:
            packets = [self._packet(self.payload_type, self._encoder.encode(samples * (not self.muted)), self._begin)]
            self._begin = False
        self._timestamp += self.codec.frame
        return packets

    def skip(self) -> None:
        """20 ms go by in which nothing is sent; sound after a pause begins with the marker (RFC 3551 §4.1)."""
        self.source.take(self.codec.samples)
        self._timestamp += self.codec.frame
        self._begin = True

    def info(self, unix_time: float) -> SenderInfo:
        return SenderInfo(unix_time, self._timestamp, self.packets, self.octets)

    def _event(self, event: EventFrame) -> list[RtpPacket]:
        if not event.payload or self.events is None:
            self._begin = True
            return []
        if event.marker:
            self._event_begun = self._timestamp
        return [self._packet(self.events, event.payload, event.marker, self._event_begun) for _ in range(event.copies)]

    def _packet(self, kind: int, payload: bytes, marker: bool, timestamp: int | None = None) -> RtpPacket:
        self._sequence += 1
        self.packets += 1
        self.octets += len(payload)
        at = self._timestamp if timestamp is None else timestamp
        return RtpPacket(kind, self._sequence & 0xFFFF, at & 0xFFFFFFFF, self.ssrc, payload, marker)
