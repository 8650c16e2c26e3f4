"""Telephone events received (RFC 4733 §2.5.2): packets in, each digit out once; the digits and their tones. Pure."""

import struct

import msgspec

from relay.streams.malformed import EventError

DIGITS = "0123456789*#ABCD"
"""By event code (RFC 4733 §3.2); other events mean nothing here."""

_LOW, _HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
FREQUENCIES = {digit: (_LOW[at // 4], _HIGH[at % 4]) for at, digit in enumerate("123A456B789C*0#D")}
"""Hz (ITU-T Q.23)."""

LONGEST = 0xFFFF
"""The longest duration that one packet can tell, in units of the RTP clock."""

SILENT_NS = 200_000_000
"""An event none of whose packets came for so long has ended, though its end was lost."""

_EVENT = struct.Struct("!BBH")
_MEMORY_S = 5


class TelephoneEvent(msgspec.Struct, frozen=True):
    """The content of one packet."""

    code: int
    end: bool
    volume: int
    """-dBm0, 0 to 63."""
    duration: int
    """Since the packet's timestamp, in units of the RTP clock."""


def parse(payload: bytes) -> TelephoneEvent:
    """A telephone-event payload. Raises EventError."""
    if len(payload) < _EVENT.size:
        raise EventError("shorter than an event")
    code, flags, duration = _EVENT.unpack_from(payload)
    return TelephoneEvent(code, flags > 0x7F, flags & 0x3F, duration)


class DigitReceiver:
    """The events of one leg. All packets of an event share its timestamp, so that is the event's name."""

    def __init__(self) -> None:
        self._digit = ""
        self._start = 0
        self._timestamp = 0
        self._duration = 0
        self._clock = 8000
        self._seen_ns = 0
        self._ended: int | None = None

    @property
    def waiting(self) -> bool:
        """Whether an event has begun and not ended."""
        return bool(self._digit)

    def receive(self, payload: bytes, timestamp: int, clock: int, now_ns: int) -> list[tuple[str, int]]:
        """Digits that this packet ends, with their lengths in ms: none, one, or two. Raises EventError."""
        event = parse(payload)
        if event.code >= len(DIGITS) or self._is_over(timestamp, clock):
            return []
        ended: list[tuple[str, int]] = []
        if not self._continues(event, timestamp):
            ended = self._end() if self.waiting else []
            self._digit, self._start, self._clock = DIGITS[event.code], timestamp, clock
        self._timestamp, self._seen_ns = timestamp, now_ns
        self._duration = max(self._duration, timestamp - self._start + event.duration)
        return ended + (self._end() if event.end else [])

    def expire(self, now_ns: int) -> list[tuple[str, int]]:
        """The digit whose end never came, once it is plain that it will not."""
        return self._end() if self.waiting and now_ns - self._seen_ns >= SILENT_NS else []

    def _is_over(self, timestamp: int, clock: int) -> bool:
        """Whether this is an event that has ended: its end is sent three times. Far behind, it is another clock."""
        return self._ended is not None and 0 <= self._ended - timestamp < _MEMORY_S * clock

    def _continues(self, event: TelephoneEvent, timestamp: int) -> bool:
        if DIGITS[event.code] != self._digit:
            return False
        # RFC 4733 §2.5.1.3: an event longer than the field is sent in segments that follow each other.
        return timestamp == self._timestamp or timestamp - self._timestamp == LONGEST

    def _end(self) -> list[tuple[str, int]]:
        ended = (self._digit, self._duration * 1000 // self._clock)
        self._ended, self._digit, self._duration = self._timestamp, "", 0
        return [ended]
