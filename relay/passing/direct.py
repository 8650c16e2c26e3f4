"""Passing on: a leg that hears one other leg of its own codec and nothing else gets that leg's packets as they come.

The payload is untouched, so silence suppression and forward error correction stay what the sender made of them, and no
jitter buffer delays it: the listener's own one does that work. What a leg needs beyond that (a third party, a prompt, a
gain, a tone in band) makes it one that is mixed for, between two ticks.

- Begin: with the first packet that comes once all is right. What the jitter buffer holds by then goes before it.
- End: the packet that was passed on last is still being heard. Mixing begins with the first sound after it, and if none
  comes, once it must be over.
- A source from which nothing comes any more is mixed for: its listener is sent silence, as every leg.

Pure.
"""

import msgspec

from relay.formats import TICK_MS
from relay.streams.rtp import RtpPacket

STARVED_PACKETS, LEAST_STARVED_NS = 3, 100_000_000
"""So many packets' time without one, and not less than this, and the listener is mixed for."""
PAUSE_NS = 1_500_000_000
"""As above after a packet that says that silence follows: Opus sends one each 400 ms of a pause."""
HANDOVER_NS = 60_000_000
"""The first sound after the packet that was passed on last is awaited for so long."""
_FOREVER = 1 << 62
_TICK_NS = TICK_MS * 1_000_000


class Passed(msgspec.Struct, frozen=True):
    """A packet of one leg to be sent to another. Its counters are the source's, extended."""

    source: str
    leg: str
    payload_type: int
    """The listener's."""
    packet: RtpPacket
    samples: int
    """How long it lasts, in units of `clock`."""
    clock: int
    arrival_ns: int
    begins: bool = False
    """The first that is passed on, after mixing or from another source."""
    aside: bool = False
    """It is not sent; its sequence number is no loss."""
    alone: bool = False
    """Nobody else hears the source."""


def patience_ns(duration_ns: int) -> int:
    """How long after a packet of that length the next one is waited for."""
    return max(STARVED_PACKETS * duration_ns, LEAST_STARVED_NS)


class Passing:
    """Whether a listener is passed on to now, and until when if nothing more comes."""

    __slots__ = ("_duration_ns", "_last_ns", "_until_ns")

    def __init__(self) -> None:
        self._last_ns = 0
        self._until_ns = 0
        self._duration_ns = 0

    def is_on(self, now_ns: int) -> bool:
        return now_ns < self._until_ns

    def passed(self, duration_ns: int, pause: bool, now_ns: int) -> None:
        """A packet was passed on; `pause`: it says that silence follows."""
        self._last_ns, self._duration_ns = now_ns, duration_ns
        self._until_ns = now_ns + (PAUSE_NS if pause else patience_ns(duration_ns))

    @property
    def is_begun(self) -> bool:
        """Whether packets are passed on, or mixing has not gone on since."""
        return self._last_ns != 0

    def hold(self) -> None:
        """It goes on until the next `passed` or `end`."""
        self._until_ns = _FOREVER

    def end(self) -> None:
        """From the next tick on the listener is mixed for."""
        self._until_ns = 0

    def ticks_skipped(self, sounds: bool, now_ns: int) -> int | None:
        """What mixing has to leave out before it goes on; None: it has to wait in this tick.

        `sounds`: there is something to hear."""
        if not self._last_ns:
            return 0
        since = now_ns - self._last_ns
        if since < (self._duration_ns if sounds else max(self._duration_ns, HANDOVER_NS)):
            return None
        # What sounds this soon is what follows on the last packet; afterwards time has gone by unheard.
        return 0 if since < HANDOVER_NS else max(0, (since - self._duration_ns) // _TICK_NS)

    def mixed(self) -> None:
        """Mixing goes on: the handover is over."""
        self._last_ns = self._until_ns = 0
