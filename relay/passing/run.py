"""A run: one leg's packets passed on to another in columns (relay.passing.express), and what both are told of it."""

from typing import TYPE_CHECKING

from relay.codecs import opus
from relay.engine import Engine, Outgoing
from relay.formats import TICK_MS, Codec
from relay.outcome import Kept
from relay.passing.direct import Passed, patience_ns
from relay.passing.express import Express
from relay.passing.outbound import Listener, Outbound
from relay.passing.pace import Ending, PaceStart
from relay.passing.table import KEPT, Looks, Start
from relay.passing.waiting import FRAME, Queue
from relay.streams.rtp import HEADER_SIZE, RtpPacket

if TYPE_CHECKING:
    from relay.leg import Leg

LEAST_OPUS, MOST_OPUS = 3, 1275 * 3 + 7
"""Octets in a packet with sound; with fewer it says that silence follows."""
_FOREVER = 1 << 60
_VERSION_2 = 0x80 << 24


class PassingRun:
    """Begins by `try_run`; both legs know of it until its end."""

    is_played = False

    def __init__(self, legs: "tuple[Leg, Leg]", engine: Engine, express: Express, passed: Passed) -> None:
        self._source, self._target = legs
        self._engine = engine
        self._express = express
        self._ssrc = passed.packet.ssrc
        self._payload_type = passed.packet.payload_type
        self._duration_ns = passed.samples * 1_000_000_000 // passed.clock
        self._line = -1

    def begin(self, line: int, start: Start) -> None:
        self._line = line
        self._express.begin(line, self, start)
        self._source.incoming = self._target.outgoing = self

    def look(self, counters: tuple[int, int], payload: bytes, arrival_ns: int) -> int:
        """Shows a packet to those who want to see some, or all, of the source's."""
        packet = RtpPacket(self._payload_type, False, self._ssrc, *counters, payload)
        return self._source.look(packet, arrival_ns)

    @property
    def patience_ns(self) -> int:
        """How long after a packet the next one belongs to the run."""
        return patience_ns(self._duration_ns)

    @property
    def last_ns(self) -> int:
        """When the last packet came."""
        return self._express.last_ns(self._line)

    def tell(self) -> None:
        """Both legs are told what has come since they were told last."""
        self._tell(self._express.come_to(self._line))

    def end(self) -> None:
        """Both legs are told, and each packet goes the way of its own again."""
        ending = self._express.end(self._line)
        self._source.incoming = self._target.outgoing = None
        self._tell(ending)
        self._engine.end_run(self._source.name, self._target.name, (ending.last_ns, self._duration_ns))

    def _tell(self, ending: Ending) -> None:
        if ending.packets:
            self._source.came(self._ssrc, ending)
            self._target.went(ending)


class KeepingRun:
    """A leg's packets that wait for their turn in columns, and are played from there."""

    is_played = True

    def __init__(self, leg: "Leg", engine: Engine, express: Express, kept: Kept) -> None:
        self._leg = leg
        self._engine = engine
        self._express = express
        self._kept = kept
        self._line = -1

    def begin(self, line: int, start: Start, queue: Queue) -> None:
        self._line = line
        self._express.begin(line, self, start)
        self._express.keep(line, queue)
        self._leg.incoming = self

    def look(self, counters: tuple[int, int], payload: bytes, arrival_ns: int) -> int:
        """Never asked for: what is played is heard (relay.engine.Engine.is_sounding)."""
        return _FOREVER

    @property
    def last_ns(self) -> int:
        """When the last packet came."""
        return self._express.last_ns(self._line)

    def tell(self) -> None:
        """The leg is told what has come since it was told last."""
        self._tell(self._express.come_to(self._line))

    def end(self) -> None:
        """The leg is told, and plays what waits itself."""
        ending, queue = self._express.come_to(self._line), self._express.give_back(self._line)
        self._express.end(self._line)
        self._leg.incoming = None
        self._tell(ending)
        self._engine.take_back(self._leg.name, queue)

    def _tell(self, ending: Ending) -> None:
        if ending.packets:
            self._leg.came(self._kept.packet.ssrc, ending)


class ListeningRun:
    """A leg that is sent the mix, in columns."""

    def __init__(self, leg: "Leg", engine: Engine, outbound: Outbound, line: int) -> None:
        self._leg = leg
        self._engine = engine
        self._outbound = outbound
        self._line = line

    def tell(self) -> None:
        """The leg is told what it was sent since it was told last."""
        self._leg.sent(self._outbound.sent(self._line))

    def end(self) -> None:
        """The leg is told, and is sent packets one by one again."""
        sent = self._outbound.end(self._line)
        self._leg.outgoing = None
        self._leg.sent(sent)
        self._engine.take_sender_back(self._leg.name)


def try_listening(leg: "Leg", engine: Engine, outbound: Outbound, outgoing: Outgoing) -> None:
    """Begins a run of a leg that was just sent this, if what follows is regular."""
    if not outgoing.payload or leg.outgoing is not None:
        return
    line, following = leg.line, leg.sounding()
    if line is None or following is None or (lent := engine.lend_sender(leg.name)) is None:
        return
    row, law = lent
    head = _VERSION_2 | outgoing.payload_type << 16
    outbound.begin(line, Listener(row, law, outgoing.samples, head, leg.stream.ssrc, following))
    leg.outgoing = ListeningRun(leg, engine, outbound, line)


def try_keeping(leg: "Leg", engine: Engine, express: Express, kept: Kept) -> None:
    """Begins a run of a leg whose packet waits for its turn, if all is regular."""
    packet = kept.packet
    if (line := leg.line) is None or packet.marker or packet.csrcs or packet.extension is not None:
        return
    reported = leg.reported(packet)
    if leg.incoming is not None or reported is None or leg.regular(packet) != kept.codec:
        return
    looks = _looks(kept.codec, packet) if kept.codec.name != "opus" else _looks_alone(packet)
    if looks is None or (lent := engine.lend(kept)) is None:
        return
    samples = kept.codec.clock * TICK_MS // 1000
    jitter, queue = lent
    transit, spread = jitter.pace
    start = Start(
        looks=Looks(*looks, _FOREVER, KEPT, 0, 0, samples),
        next=(packet.sequence + 1, packet.timestamp + samples, 0, 0),
        arrival_ns=kept.arrival_ns,
        look_ns=_FOREVER,
        pace=PaceStart(kept.codec.clock, transit, jitter.stats.jitter_ms, reported, spread),
        addresses=leg.addresses(kept.codec),
    )
    KeepingRun(leg, engine, express, kept).begin(line, start, queue)


def try_run(legs: "tuple[Leg, Leg]", engine: Engine, express: Express, passed: Passed) -> None:
    """Begins a run from one leg to the other with the packet that was passed on last, if all is regular."""
    source, target = legs
    packet = passed.packet
    line, to = source.line, target.line
    if line is None or to is None or packet.marker or packet.csrcs or packet.extension is not None:
        return
    codec, following, reported = source.regular(packet), target.following(packet), source.reported(packet)
    if codec is None or following is None or reported is None:
        return
    if codec.name == "opus" and len(packet.payload) < LEAST_OPUS:
        return
    if (jitter := engine.begin_run(passed)) is None:
        return
    run, (transit, spread) = PassingRun(legs, engine, express, passed), jitter.pace
    outgoing = to, _VERSION_2 | passed.payload_type << 16, target.stream.ssrc
    start = Start(
        looks=Looks(*_looks(codec, packet), run.patience_ns, *outgoing, passed.samples),
        next=(packet.sequence + 1, packet.timestamp + passed.samples, *following),
        arrival_ns=passed.arrival_ns,
        look_ns=source.look_ns,
        pace=PaceStart(codec.clock, transit, jitter.stats.jitter_ms, reported, spread),
        addresses=source.addresses(codec),
    )
    run.begin(line, start)


def _looks_alone(packet: RtpPacket) -> tuple[int, int, int, int, int, int] | None:
    """How packets of Opus look that hold one frame, some sound and no copy of the sound before it (RFC 6716 §4.2.4);
    None: this is no such packet."""
    payload = packet.payload
    if not LEAST_OPUS <= len(payload) <= FRAME or payload[0] & 3 or opus.has_copy(payload):
        return None
    head = _VERSION_2 | packet.payload_type << 16
    mask = 0xFF00 | opus.copy_flags(payload[0])
    return head, packet.ssrc, HEADER_SIZE + LEAST_OPUS, HEADER_SIZE + FRAME, mask, payload[0] << 8


def _looks(codec: Codec, packet: RtpPacket) -> tuple[int, int, int, int, int, int]:
    """How packets of the same length look: the first parts of Looks."""
    head, size = _VERSION_2 | packet.payload_type << 16, HEADER_SIZE + len(packet.payload)
    if codec.name != "opus":
        return head, packet.ssrc, size, size, 0, 0
    # Its first octet says how long it is, and in packets of any number of frames the second (RFC 6716 §3.1, §3.2.5).
    mask = 0xFFFF if packet.payload[0] & 3 == 3 else 0xFF00
    content = int.from_bytes(packet.payload[:2], "big") & mask
    return head, packet.ssrc, HEADER_SIZE + LEAST_OPUS, HEADER_SIZE + MOST_OPUS, mask, content
