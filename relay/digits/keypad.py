"""Digits to send: as telephone events (RFC 4733 §2.5.1) or as tones, one after another in place of sound. Pure."""

import struct
from collections import deque

import msgspec
import numpy as np
import numpy.typing as npt

from relay.digits.dtmf import DIGITS, FREQUENCIES, LONGEST

LEAST_MS = 50
"""A shorter digit is lengthened: ITU-T Q.24 lets a receiver ignore what is below 40 ms."""
MOST_MS = 10_000
PAUSE_MS = 80
"""Between two digits, and after the last; an event's end is repeated in it."""
ENDS = 3
"""How often the last packet of an event is sent (RFC 4733 §2.5.1.4)."""
MOST_WAITING = 64
VOLUME = 10
"""-dBm0 that events say."""
_LEVELS = (0.248 * 32767, 0.312 * 32767)
"""Peaks of the low and the high tone: -9 and -7 dBm0, of which 3.14 is full scale (ITU-T Q.23, G.711)."""
_EVENT = struct.Struct("!BBH")
_END = 0x80


class EventPacket(msgspec.Struct, frozen=True):
    """One packet of an event."""

    payload: bytes
    marker: bool
    since: int
    """How long ago the event, or its segment, began, in units of the stream's clock: its timestamp is that much lower
    than the stream's."""


class _Press(msgspec.Struct):
    digit: str
    duration_ms: int
    elapsed: int = 0
    """Since it began, in units of the stream's clock."""
    segment: int = 0
    """Where its last segment began, in units of the event's clock (RFC 4733 §2.5.1.3)."""
    ends: int = 0


class Keypad:
    """What is pressed waits until what was pressed before has been sent."""

    def __init__(self) -> None:
        self._waiting: deque[_Press] = deque()

    @property
    def busy(self) -> bool:
        """Whether digits, and no sound, are to be sent now."""
        return bool(self._waiting)

    def press(self, digit: str, duration_ms: int) -> None:
        """One digit of relay.digits.dtmf.DIGITS. What nobody could wait for is dropped."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(_Press(digit, max(LEAST_MS, min(duration_ms, MOST_MS))))

    def clear(self) -> None:
        """Forgets all that is not sent yet."""
        self._waiting.clear()

    def events(self, samples: int, clock: int, event_clock: int) -> list[EventPacket]:
        """What goes out in place of a packet of `samples` units of `clock`; `event_clock` counts the durations."""
        if not self._waiting:
            return []
        press = self._waiting[0]
        before, press.elapsed = press.elapsed, press.elapsed + samples
        packets = self._packets(press, before, clock, event_clock)
        self._go_on(press, clock)
        return packets

    def tone(self, samples: int, rate: int) -> npt.NDArray[np.int16]:
        """The same as sound."""
        if not self._waiting:
            return np.zeros(samples, np.int16)
        press = self._waiting[0]
        times = (press.elapsed + np.arange(samples)) / rate
        press.elapsed += samples
        low, high = FREQUENCIES[press.digit]
        sound = _LEVELS[0] * np.sin(2 * np.pi * low * times) + _LEVELS[1] * np.sin(2 * np.pi * high * times)
        self._go_on(press, rate)
        return np.where(times * 1000 < press.duration_ms, sound, 0).astype(np.int16)

    def _packets(self, press: _Press, before: int, clock: int, event_clock: int) -> list[EventPacket]:
        whole = press.duration_ms * event_clock // 1000
        now = min(press.elapsed * event_clock // clock, whole)
        packets: list[EventPacket] = []
        if press.ends >= ENDS:
            return packets
        while now - press.segment > LONGEST:
            packets.append(_packet(press, LONGEST, before, clock / event_clock))
            press.segment += LONGEST
        press.ends += now == whole
        packets.append(_packet(press, now - press.segment, before, clock / event_clock))
        return packets

    def _go_on(self, press: _Press, clock: int) -> None:
        if press.elapsed * 1000 >= (press.duration_ms + PAUSE_MS) * clock:
            self._waiting.popleft()


def _packet(press: _Press, duration: int, before: int, scale: float) -> EventPacket:
    payload = _EVENT.pack(DIGITS.index(press.digit), (_END if press.ends else 0) | VOLUME, duration)
    return EventPacket(payload, before == 0, before - round(press.segment * scale))
