"""DTMF digits as RTP events (RFC 4733 §2.5), sent and received. Pure."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from bench.call.errors import PacketError
from bench.call.rtp import RtpPacket

DIGITS = "0123456789*#ABCD"
_EVENT = struct.Struct("!BBH")
_END = 0x80
_VOLUME = 10
TONE_FRAMES = 8
"""Frames of 20 ms that a digit lasts: 160 ms."""
PAUSE_FRAMES = 5
END_REPEATS = 3


@dataclass(frozen=True, slots=True)
class EventFrame:
    """What goes out instead of sound in one 20 ms frame; no payload means the pause between two digits."""

    payload: bytes = b""
    marker: bool = False
    """The first frame of a digit."""
    copies: int = 1


def event_frames(digits: str, frame: int) -> Iterator[EventFrame]:
    """The frames of a row of digits; `frame` is 20 ms in units of the RTP timestamp."""
    for digit in digits.upper():
        number = DIGITS.index(digit)
        for step in range(TONE_FRAMES):
            last = step == TONE_FRAMES - 1
            payload = _EVENT.pack(number, (_END if last else 0) | _VOLUME, (step + 1) * frame)
            yield EventFrame(payload, step == 0, END_REPEATS if last else 1)
        for _ in range(PAUSE_FRAMES):
            yield EventFrame()


class DigitReader:
    """Digits out of event packets, each once, however often its end is repeated or lost."""

    def __init__(self) -> None:
        self._current: tuple[int, int] | None = None
        self.digits = ""

    def add(self, packet: RtpPacket) -> None:
        """Raises PacketError when the payload is not an event."""
        if len(packet.payload) < _EVENT.size:
            raise PacketError("telephone-event is cut")
        number, _, _ = _EVENT.unpack_from(packet.payload)
        event = (packet.ssrc, packet.timestamp)
        if number >= len(DIGITS) or event == self._current:
            return
        self._current = event
        self.digits += DIGITS[number]
