"""One leg: between its transport, which carries datagrams in clear, and the engine, which makes sound of them."""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
import structlog

from relay.api import Alarm, Digit, Dtmf, LegDown, LegReport, LegUp, MaskedDigit, Media, MediaAlarm, Quality, SendInfo
from relay.codecs import g711
from relay.digits.digit_gate import DigitGate
from relay.digits.keypad import Keypad
from relay.engine import Codec, Engine, Outgoing, SendFormat
from relay.errors import RtcpError
from relay.offers.negotiation import Agreement
from relay.offers.negotiator import Negotiator
from relay.passing.direct import Passed
from relay.passing.outbound import Sent
from relay.passing.pace import Ending
from relay.passing.run import KeepingRun, ListeningRun, PassingRun
from relay.streams import rtcp
from relay.streams.malformed import RtpError
from relay.streams.rtcp import Description, Goodbye, Report, RtcpPacket, SenderInfo, middle
from relay.streams.rtp import RtpPacket, StreamExtender
from relay.streams.stats import Counters, Reception
from relay.streams.stream import SendStream
from relay.tapping.tap import TapBook
from relay.transport.rtp_transport import Transport
from relay.watching.health import LegHealth

log = structlog.get_logger()

RTCP_NS = int(rtcp.INTERVAL_SECONDS * 1e9)
Told = LegUp | LegDown | Digit | MaskedDigit | SendInfo | Quality | MediaAlarm
_SENDING = ("sendrecv", "sendonly")
_RECEIVING = ("sendrecv", "recvonly")


class Leg:
    """Takes what its transport let through; counts what is of no use."""

    transport: Transport
    negotiator: Negotiator

    def __init__(
        self,
        name: str,
        room: str,
        kind: Literal["rtp", "browser"],
        engine: Engine,
        taps: TapBook,
        tell: Callable[[Told], None],
        dtmf: Dtmf = "auto",
    ) -> None:
        self.name = name
        self.room = room
        self.kind: Literal["rtp", "browser"] = kind
        self.stream = SendStream()
        self.counters = Counters()
        self.agreement: Agreement | None = None
        self._engine = engine
        self._taps = taps
        self._tell = tell
        self._dtmf: Dtmf = dtmf
        self._keypad = Keypad()
        self._gate = DigitGate(dtmf == "inband")
        self._extender = StreamExtender()
        self._reception: Reception | None = None
        self._health = LegHealth(name, kind == "browser")
        self._alarms: dict[Alarm, None] = {}
        self._up = False
        self._next_rtcp: int | None = None
        self.incoming: PassingRun | KeepingRun | None = None
        """The run that this leg's packets go by."""
        self.outgoing: PassingRun | ListeningRun | None = None
        """The run that it is sent packets by."""

    def attach(self, transport: Transport, negotiator: Negotiator) -> None:
        """The leg owns both from now on."""
        self.transport, self.negotiator = transport, negotiator

    def begin(self, agreement: Agreement) -> None:
        """Joins its room as agreed."""
        self._engine.add_leg(self.name, self.room, agreement.send, agreement.receive)
        self._take(agreement)

    def begin_silent(self, send: SendFormat, receive: Mapping[int, Codec]) -> None:
        """Joins its room before the peer has answered: nothing is sent or heard yet."""
        self._engine.add_leg(self.name, self.room, send, receive)

    def apply(self, agreement: Agreement) -> None:
        """What was agreed anew is in force from now on."""
        self.end_runs()
        self._engine.set_format(self.name, agreement.send, agreement.receive)
        self._take(agreement)

    def media(self) -> Media:
        """Our half of what is agreed."""
        if self.agreement is None:
            raise AssertionError("a leg without an agreement has no half")
        return Media(self.agreement.sdp, self.codec, self.agreement.direction, self.agreement.encrypted)

    def receive_rtp(self, data: bytes, arrival_ns: int) -> None:
        """A packet in clear, from the peer's address and authenticated as far as the leg's keys go."""
        if self.incoming is not None:
            self.incoming.end()
        if self.agreement is None or self.agreement.direction not in _RECEIVING:
            self.discard()
            return
        try:
            packet = self._extender.read(data)
        except RtpError:
            self.discard()
            return
        codec = self.agreement.receive.get(packet.payload_type)
        if self._reception is None or self._reception.ssrc != packet.ssrc:
            self._reception = Reception(packet.ssrc, packet.sequence)
        self._reception.receive(packet, codec.clock if codec else 8000, arrival_ns)
        if codec is not None:
            self._health.packet(packet, codec, arrival_ns)
        self._pass_on(packet, codec, arrival_ns)
        if self.kind == "rtp":
            self.up()

    def receive_rtcp(self, data: bytes, arrival_ns: int) -> None:
        """A compound, let through likewise."""
        try:
            packets = rtcp.parse(data)
        except RtcpError:
            self.discard()
            return
        self._catch_up()
        if self.agreement is not None:
            ours = self.stream.ssrc, self.counters.packets_sent, self.agreement.send.codec.clock
            self._health.reports(packets, ours, arrival_ns)
        for packet in packets:
            self._heed_loss(packet)
            if isinstance(packet, Report) and packet.sender and self._reception and packet.ssrc == self._reception.ssrc:
                self._reception.sender_report(packet.sender, arrival_ns)

    def discard(self, datagrams: int = 1) -> None:
        """So many datagrams were of no use."""
        self.counters.discarded += datagrams

    def fault(self, error: Exception) -> None:
        """Counts it; what comes fifty times a second is told once."""
        self.counters.faults += 1
        if self.counters.faults == 1:
            log.error("! leg", leg=self.name, exc_info=error)

    def send(self, outgoing: Outgoing) -> None:
        """One packet of the engine's."""
        if outgoing.skipped:
            self.stream.let_go_by(outgoing.skipped)
        if self.agreement is None or self.agreement.direction not in _SENDING:
            self._keypad.clear()
            self._engine.let_pass(self.name, True)
            self.stream.skip(outgoing)
            return
        if self._keypad.busy:
            self._send_digits(outgoing, self.agreement)
            self._engine.let_pass(self.name, not self._keypad.busy)
        else:
            self._send_sound(outgoing)

    def press(self, digit: str, duration_ms: int) -> None:
        """A digit for the peer, in the way that the leg's digits go."""
        if self._dtmf == "info":
            self._tell(SendInfo(self.name, digit, duration_ms))
        else:
            if self.outgoing is not None:
                self.outgoing.end()
            self._keypad.press(digit, duration_ms)
            self._engine.let_pass(self.name, False)

    @property
    def masked(self) -> bool:
        """Whether digits of the peer are kept from everybody."""
        return self._gate.masked

    def tell_digit(self, digit: str, duration_ms: int, masked: bool) -> None:
        """A digit of the peer has ended."""
        told = MaskedDigit(self.name, digit == "#") if masked else Digit(self.name, digit, duration_ms)
        self._tell(told)

    def mask_digits(self, on: bool, now_ns: int) -> None:
        if on != self._gate.masked:
            self.end_runs()
            for packet in self._gate.mask(on):
                self._deliver(packet, self._codec_of(packet), now_ns)

    def relay(self, passed: Passed) -> None:
        """One packet of another leg's, passed on."""
        if self.outgoing is not None:
            self.outgoing.end()
        if self.agreement is None or self.agreement.direction not in _SENDING:
            self.stream.hold(passed)
            return
        packet = self.stream.relay(passed)
        if packet is not None:
            self._put(packet, len(passed.packet.payload))

    @property
    def line(self) -> int | None:
        """The line to the peer, where media goes by one."""
        return self.transport.line

    @property
    def look_ns(self) -> int:
        """When a packet is to be shown to `look`."""
        return self._health.next_listening

    def addresses(self, codec: Codec) -> bytes:
        """Under which the packets of a run are recorded, until anything changes."""
        return self._taps.addresses(self.name, codec)

    def look(self, packet: RtpPacket, arrival_ns: int) -> int:
        """A packet that goes by a run; returns when to show another."""
        try:
            codec = self._codec_of(packet)
            if codec is not None:
                self._health.listen(packet.payload, codec, arrival_ns)
        except Exception as error:  # one leg's fault must not silence the others of the batch
            self.fault(error)
        return self.look_ns

    def regular(self, packet: RtpPacket) -> Codec | None:
        """The packet's codec, if what looks like it needs no looking at."""
        codec = self._codec_of(packet)
        return codec if codec is not None and codec.name != "CN" and self._gate.lets_pass(codec) else None

    def reported(self, packet: RtpPacket) -> tuple[float, float] | None:
        """Transit and jitter as reports count them, if the packet is the newest of its source."""
        return None if self._reception is None else self._reception.pace(packet)

    def following(self, packet: RtpPacket) -> tuple[int, int] | None:
        """Our numbers of the packet to be passed on after this one; None: it was not the last, or we send nothing."""
        if self.agreement is None or self.agreement.direction not in _SENDING or self._keypad.busy:
            return None
        return self.stream.next_after(packet)

    def came(self, ssrc: int, ending: Ending) -> None:
        """What has come from the peer by a run."""
        if self._reception is None:
            raise AssertionError("a run begins with a packet")
        self._extender.advance(ssrc, ending.packets, ending.units)
        self._reception.advance(ending.packets, *ending.reported)
        self._health.seen(ending.last_ns)
        self._engine.advance_run(self.name, ending)

    def went(self, ending: Ending) -> None:
        """What has gone to the peer by a run."""
        self.stream.advance(ending.packets, ending.units, ending.last_ns)
        self.counters.packets_sent += ending.packets
        self.counters.octets_sent += ending.octets

    def sounding(self) -> tuple[int, int] | None:
        """Our numbers of the next packet of sound; None: something else may be sent, or nothing."""
        if self.agreement is None or self.agreement.direction not in _SENDING or self._keypad.busy:
            return None
        return self.stream.following

    def sent(self, sent: Sent) -> None:
        """Packets of sound that were made and sent by a run."""
        self.stream.made(sent.packets, sent.units, sent.silent)
        self.counters.packets_sent += sent.packets
        self.counters.octets_sent += sent.octets

    def end_runs(self) -> None:
        """Something changes: packets go their own ways for now."""
        for run in (self.incoming, self.outgoing):
            if run is not None:
                run.end()

    def send_rtcp_if_due(self, now_ns: int, ntp: int) -> None:
        """A report each RTCP_NS, the first after half of it (RFC 3550 section 6.2)."""
        if self.agreement is None:
            return
        if self._next_rtcp is None:
            self._next_rtcp = now_ns + RTCP_NS // 2
        if now_ns < self._next_rtcp:
            return
        self._next_rtcp = now_ns + RTCP_NS
        self._catch_up()
        self.transport.send_rtcp(self._compound(now_ns, ntp))

    def check_health(self, now_ns: int) -> None:
        """Tells what is wrong with the leg's sound, and every few seconds how good it is."""
        if self.incoming is not None:
            self._health.seen(self.incoming.last_ns)
            if self.incoming.is_played:
                self._health.heard(self._engine.is_sounding(self.name), now_ns)
        expecting = self.agreement is not None and self.agreement.direction in _RECEIVING
        for alarm in self._health.check(now_ns, expecting):
            self._alarms[alarm.alarm] = None
            self._tell(alarm)
        if self._health.is_due(now_ns):
            quality = self._measure()
            if quality is not None:
                self._tell(quality)

    def renewed(self) -> None:
        """A new transport: the next packet, or its handshake, is told as LegUp again."""
        self._up = False

    def up(self) -> None:
        """Media can flow. Told once for each transport."""
        if not self._up:
            self._up = True
            self._tell(LegUp(self.name))

    def down(self, reason: str) -> None:
        """The peer is lost."""
        self._up = False
        self._tell(LegDown(self.name, reason))

    def close(self, now_ns: int, ntp: int) -> LegReport:
        """Says goodbye, ends taps and transport. Only the report may be asked for after it."""
        self.end_runs()
        self._measure()
        report = self.report()
        for alarm in self._health.close():
            self._tell(alarm)
        try:
            if self.agreement is not None:
                self.transport.send_rtcp(self._compound(now_ns, ntp) + Goodbye((self.stream.ssrc,)).serialize())
        finally:
            self.transport.close()
            del self.transport  # it knows this leg: neither would be freed before a garbage collection
            self._taps.drop_leg(self.name, now_ns)
            self._engine.remove_leg(self.name)
        return report

    def report(self) -> LegReport:
        self._catch_up()
        heard = self._engine.report(self.name)
        received, sent = self._health.summary()
        return LegReport(
            leg=self.name,
            room=self.room,
            kind=self.kind,
            codec=self.codec,
            packets_received=heard.packets_received,
            packets_sent=self.counters.packets_sent,
            packets_lost=heard.packets_lost,
            packets_discarded=self.counters.discarded + heard.packets_unknown,
            frames_concealed=heard.frames_concealed,
            jitter_ms=heard.jitter_ms,
            faults=self.counters.faults,
            received=received,
            sent=sent,
            alarms=tuple(self._alarms),
        )

    @property
    def codec(self) -> str:
        """What we send, e.g. "PCMU/8000"; empty while the peer's half is not known."""
        if self.agreement is None:
            return ""
        codec = self.agreement.send.codec
        return f"{codec.name}/{codec.clock}"

    def _pass_on(self, packet: RtpPacket, codec: Codec | None, arrival_ns: int) -> None:
        if codec is None:
            self._deliver(packet, None, arrival_ns)
            return
        masked = self._gate.masked
        packets, digits = self._gate.take(packet, codec, arrival_ns)
        for passed in packets:
            self._deliver(passed, codec if passed is packet else self._codec_of(passed), arrival_ns)
        for found in digits:
            self.tell_digit(found.digit, found.duration_ms, masked or codec.name == "telephone-event")

    def _deliver(self, packet: RtpPacket, codec: Codec | None, arrival_ns: int) -> None:
        if codec is not None:
            self._taps.packet(self.name, packet, codec, arrival_ns)
        self._engine.receive(self.name, packet, arrival_ns)

    def _catch_up(self) -> None:
        """Figures are of now."""
        for run in (self.incoming, self.outgoing):
            if run is not None:
                run.tell()

    def _codec_of(self, packet: RtpPacket) -> Codec | None:
        return None if self.agreement is None else self.agreement.receive.get(packet.payload_type)

    def _send_digits(self, outgoing: Outgoing, agreement: Agreement) -> None:
        """In place of a packet of sound."""
        codec = agreement.send.codec
        if agreement.events is not None and self._dtmf != "inband":
            events, clock = agreement.events, agreement.events.clock
            for event in self._keypad.events(outgoing.samples, codec.clock, clock):
                self._put(self.stream.event(events.payload_type, event), len(event.payload))
            self.stream.skip(outgoing)
        elif codec.name in g711.LAWS and self._dtmf != "events":
            law: g711.Law = "PCMA" if codec.name == "PCMA" else "PCMU"
            payload = g711.encode(law, self._keypad.tone(outgoing.samples, codec.clock)).tobytes()
            self._put(self.stream.next(msgspec.structs.replace(outgoing, payload=payload)), len(payload))
        else:
            self._keypad.clear()
            self._send_sound(outgoing)

    def _send_sound(self, outgoing: Outgoing) -> None:
        if outgoing.payload:
            self._put(self.stream.next(outgoing), len(outgoing.payload))
        else:
            self.stream.skip(outgoing)

    def _put(self, packet: bytes, octets: int) -> None:
        if self.transport.send_rtp(packet):
            self.counters.packets_sent += 1
            self.counters.octets_sent += octets

    def _take(self, agreement: Agreement) -> None:
        self.agreement = agreement
        self.transport.apply(agreement)

    def _measure(self) -> Quality | None:
        self._catch_up()
        runs = (0, 0) if self._reception is None else self._reception.runs
        return self._health.measure(self._engine.report(self.name), runs)

    def _heed_loss(self, packet: RtcpPacket) -> None:
        if isinstance(packet, Report):
            for block in packet.blocks:
                if block.ssrc == self.stream.ssrc:
                    self._engine.expect_loss(self.name, block.fraction_lost * 100 / 256)

    def _compound(self, now_ns: int, ntp: int) -> bytes:
        blocks = () if self._reception is None else (self._reception.report(now_ns),)
        sender = None
        if self.counters.packets_sent:
            self._health.reported(middle(ntp), now_ns)
            sender = SenderInfo(ntp, self.stream.timestamp, self.counters.packets_sent, self.counters.octets_sent)
        report = Report(self.stream.ssrc, sender, blocks)
        return report.serialize() + Description(self.stream.ssrc, self.stream.cname).serialize()
