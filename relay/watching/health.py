"""How a leg is: its quality told each INTERVAL_NS, its alarms as they come and go. Pure."""

from collections.abc import Iterable

from relay.api import Alarm, Flow, MediaAlarm, Quality
from relay.codecs import opus
from relay.engine import EngineReport
from relay.formats import Codec
from relay.streams.rtcp import Goodbye, Report, RtcpPacket
from relay.streams.rtp import RtpPacket
from relay.watching.loudness import is_sounding
from relay.watching.quality import Incoming, Outgoing
from relay.watching.watch import MediaWatch

INTERVAL_NS = 5_000_000_000
LISTEN_NS = 500_000_000
"""How often a packet is listened to for whether there is a sound in it: at whole multiples of this, so that legs whose
packets nobody else looks at are looked at together."""
SOUNDING_NS = 10 * LISTEN_NS
"""The same after a sound."""
RESTS = ("CN",)


class LegHealth:
    def __init__(self, leg: str, trusted: bool) -> None:
        self._leg = leg
        self._watch = MediaWatch()
        self._incoming = Incoming()
        self._outgoing = Outgoing(trusted)
        self.next_listening = 0
        """When a packet is to be listened to again."""
        self._sounded = False
        """There was a sound in what was listened to last."""
        self._next_interval: int | None = None

    def packet(self, packet: RtpPacket, codec: Codec, now_ns: int) -> None:
        """A packet of sound or of events has come."""
        self._watch.packet(now_ns, codec.name in RESTS or (codec.name == "opus" and opus.is_dtx(packet.payload)))
        if now_ns >= self.next_listening:
            self.listen(packet.payload, codec, now_ns)

    def seen(self, now_ns: int) -> None:
        """Packets of sound have come until then."""
        self._watch.packet(now_ns, False)

    def listen(self, payload: bytes, codec: Codec, now_ns: int) -> None:
        """Whether there is a sound in one payload."""
        # Nobody presses keys on a dead line.
        self.heard(codec.name == "telephone-event" or is_sounding(codec, payload), now_ns)

    def heard(self, sounds: bool, now_ns: int) -> None:
        """Whether there is a sound now."""
        # Nobody knows when since the last sound it became silent: no alarm is to come too early.
        if sounds or self._sounded:
            self._watch.sound(now_ns)
        self._sounded = sounds
        later = now_ns + (SOUNDING_NS if sounds else LISTEN_NS)
        self.next_listening = later - later % LISTEN_NS

    def reported(self, quoted: int, now_ns: int) -> None:
        """We have sent a sender report with this middle of its NTP time."""
        self._outgoing.reported(quoted, now_ns)

    def reports(self, packets: Iterable[RtcpPacket], ours: tuple[int, int, int], now_ns: int) -> None:
        """A compound of the peer's. `ours`: our SSRC, how many packets we have sent, and their clock in Hz."""
        ssrc, sent, clock = ours
        for packet in packets:
            if isinstance(packet, Report):
                block = next((block for block in packet.blocks if block.ssrc == ssrc), None)
                self._outgoing.take(block, sent, clock, now_ns)
            elif isinstance(packet, Goodbye):
                self._watch.goodbye()

    def check(self, now_ns: int, expecting: bool) -> list[MediaAlarm]:
        """What has gone wrong, or right again."""
        return self._changes(*self._watch.check(now_ns, expecting, self._outgoing.heard))

    def close(self) -> list[MediaAlarm]:
        """The leg ends, and its alarm with it."""
        return self._changes(self._watch.alarm, None)

    def _changes(self, ended: Alarm | None, begun: Alarm | None) -> list[MediaAlarm]:
        alarms = [MediaAlarm(self._leg, ended, False)] if ended is not None else []
        return [*alarms, MediaAlarm(self._leg, begun, True)] if begun is not None else alarms

    def is_due(self, now_ns: int) -> bool:
        """Whether an interval has ended: then `measure`."""
        if self._next_interval is None:
            self._next_interval = now_ns + INTERVAL_NS
        if now_ns < self._next_interval:
            return False
        # On average, whatever the moments are at which it is asked.
        self._next_interval = max(self._next_interval + INTERVAL_NS, now_ns + INTERVAL_NS // 2)
        return True

    def measure(self, heard: EngineReport, runs: tuple[int, int]) -> Quality | None:
        """The interval that has ended; None if nothing is known of either direction."""
        received = self._incoming.measure(heard, runs, self._outgoing.round_trip_ms)
        sent = self._outgoing.latest()
        return Quality(self._leg, received, sent) if received is not None or sent is not None else None

    def summary(self) -> tuple[Flow | None, Flow | None]:
        """What was received and sent, over the whole call as far as it was measured."""
        return self._incoming.total.flow(), self._outgoing.total.flow()
