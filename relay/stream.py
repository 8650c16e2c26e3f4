"""The RTP stream that we send on a leg: one SSRC, its sequence numbers and timestamps. Pure."""

import secrets

from relay.engine import Outgoing
from relay.keypad import EventPacket
from relay.rtp import RtpPacket, serialize


class SendStream:
    """Numbers begin at random, so that they say nothing of the stream's age (RFC 3550 section 5.1)."""

    def __init__(self) -> None:
        self.ssrc = secrets.randbits(32)
        self.cname = secrets.token_hex(8)
        """RFC 7022 section 4.2: short-term persistent, and nobody's address."""
        self._sequence = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)
        self._silent = True

    @property
    def timestamp(self) -> int:
        """Of the next packet, in 32 bits."""
        return self._timestamp

    def next(self, outgoing: Outgoing) -> bytes:
        """The packet to protect and send."""
        marker = outgoing.marker or self._silent
        self._silent = False
        packet = RtpPacket(outgoing.payload_type, marker, self.ssrc, self._sequence, self._timestamp, outgoing.payload)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._advance(outgoing)
        return serialize(packet)

    def event(self, payload_type: int, event: EventPacket) -> bytes:
        """A packet of a telephone event, which takes no time of its own: `skip` tells of the sound that it replaces."""
        timestamp = (self._timestamp - event.since) & 0xFFFFFFFF
        packet = RtpPacket(payload_type, event.marker, self.ssrc, self._sequence, timestamp, event.payload)
        self._sequence = (self._sequence + 1) & 0xFFFF
        return serialize(packet)

    def skip(self, outgoing: Outgoing) -> None:
        """Time passes and nothing is sent: the peer does not want to hear us now."""
        self._silent = True
        self._advance(outgoing)

    def _advance(self, outgoing: Outgoing) -> None:
        self._timestamp = (self._timestamp + outgoing.samples) & 0xFFFFFFFF
