"""What a leg's packets pass before anybody hears, records or decodes them: digits are found in their sound, and on
request neither digits nor their tones get through. Pure.

Masked, packets of G.711 wait until it is known whether a digit begins in them: its tone is then silence for all who
are behind, to the first millisecond. Other codecs do not carry tones dependably; their digits come as events.
"""

from collections import deque
from collections.abc import Iterator

from msgspec.structs import replace

from relay.codecs import g711
from relay.digits.dtmf import DigitReceiver
from relay.digits.inband import ONSET_MS, RATE, Found, InbandDetector
from relay.formats import Codec
from relay.streams.malformed import EventError
from relay.streams.rtp import RtpPacket

HOLD = ONSET_MS * RATE // 1000
MOST_HELD = 16
NO_DIGIT = bytes([255, 0, 0, 0])
"""A telephone event that means nothing here."""


class DigitGate:
    """One leg's. `detect`: digits in sound are told too."""

    def __init__(self, detect: bool) -> None:
        self.detect = detect
        self.masked = False
        self._detector = InbandDetector()
        self._held: deque[RtpPacket] = deque()
        self._waiting = 0
        self._law: g711.Law = "PCMU"
        self._quieten = 0
        """Samples after a digit's end that are silenced, since its last part may be in them."""
        self._masked_event: int | None = None
        self._events = DigitReceiver()
        """Of masked events."""
        self._ignore = False
        """A digit in sound that began masked has not ended yet."""

    def mask(self, on: bool) -> list[RtpPacket]:
        """What comes through because nothing is held back any more: silence, for a digit may begin in it."""
        self._ignore = self.masked and self._detector.sounding
        self.masked = on
        return self._let_go()

    def lets_pass(self, codec: Codec) -> bool:
        """Whether packets of that codec come through as they are, and nothing is looked for in them."""
        idle = not self.masked and not (self.detect and codec.name in g711.LAWS)
        return idle and not self._held and codec.name != "telephone-event"

    def take(self, packet: RtpPacket, codec: Codec, now_ns: int) -> tuple[list[RtpPacket], list[Found]]:
        """The packets that come through now, in their order, and the digits that have ended: those in sound, and while
        it is masked all, for nobody behind will find them."""
        if codec.name == "telephone-event":
            return self._event(packet, codec, now_ns)
        if codec.name not in g711.LAWS or not (self.masked or self.detect):
            return [*self._let_go(), packet], []
        self._law = "PCMA" if codec.name == "PCMA" else "PCMU"
        found = self._detector.feed(g711.decode_bytes(self._law, packet.payload))
        if not self.masked:
            heard, self._ignore = found[self._ignore :], self._ignore and not found
            return [packet], heard
        self._hold(packet, bool(found))
        return list(self._release()), found

    def _event(self, packet: RtpPacket, codec: Codec, now_ns: int) -> tuple[list[RtpPacket], list[Found]]:
        """An event that began masked stays so to its end."""
        if self.masked:
            self._masked_event = packet.timestamp
        if packet.timestamp != self._masked_event:
            return [packet], []
        digits = self._events.expire(now_ns)
        try:
            digits += self._events.receive(packet.payload, packet.timestamp, codec.clock, now_ns)
        except EventError:
            return [packet], _found(digits)  # it is no event to anybody
        return [replace(packet, payload=NO_DIGIT)], _found(digits)

    def _hold(self, packet: RtpPacket, ended: bool) -> None:
        self._held.append(packet)
        self._waiting += len(packet.payload)
        if self._detector.sounding or ended:
            self._held = deque(_silenced(held, self._law) for held in self._held)
            self._quieten = HOLD
        elif self._quieten > 0:
            self._held[-1] = _silenced(packet, self._law)
            self._quieten -= len(packet.payload)

    def _release(self) -> Iterator[RtpPacket]:
        while len(self._held) > MOST_HELD or (self._held and self._waiting - len(self._held[0].payload) >= HOLD):
            packet = self._held.popleft()
            self._waiting -= len(packet.payload)
            yield packet

    def _let_go(self) -> list[RtpPacket]:
        held = [_silenced(packet, self._law) for packet in self._held]
        self._held.clear()
        self._waiting = 0
        return held


def _found(digits: list[tuple[str, int]]) -> list[Found]:
    return [Found(digit, duration_ms) for digit, duration_ms in digits]


def _silenced(packet: RtpPacket, law: g711.Law) -> RtpPacket:
    return replace(packet, payload=g711.silence(law, len(packet.payload)))
