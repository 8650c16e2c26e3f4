"""A leg between a transport of the test's and the real engine."""

from dataclasses import replace

import numpy as np
import pytest

from recorder.wire import Kind, Record
from relay import api
from relay.api import Tap
from relay.codecs import g711
from relay.digits.digit_gate import NO_DIGIT
from relay.digits.keypad import Keypad
from relay.engine import Engine, Outgoing
from relay.formats import Codec, EventFormat, SendFormat
from relay.leg import RTCP_NS, Leg, Told
from relay.offers.negotiation import Agreement
from relay.offers.negotiator import RtpNegotiator
from relay.offers.securing import Keying
from relay.streams import rtcp
from relay.streams.rtcp import Goodbye, ReceptionReport, Report, SenderInfo
from relay.streams.rtp import RtpPacket, parse, serialize
from relay.tapping.tap import TapBook
from tests.support.tones import level_of

PCMU = Codec("PCMU")
AGREED = Agreement(SendFormat(PCMU, 0), {0: PCMU}, "sendrecv", ("192.0.2.1", 5000), ("192.0.2.1", 5001), False)
TICK = 20_000_000


class Wire:
    """Keeps what is sent."""

    line = None

    def __init__(self) -> None:
        self.rtp: list[RtpPacket] = []
        self.rtcp: list[bytes] = []
        self.closed = False
        self.open = True

    def apply(self, agreement: Agreement) -> None:
        self.agreement = agreement

    def send_rtp(self, packet: bytes) -> bool:
        if self.open:
            self.rtp.append(parse(packet))
        return self.open

    def send_rtcp(self, packet: bytes) -> None:
        self.rtcp.append(packet)

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self, dtmf: api.Dtmf = "auto") -> None:
        self.events: list[Told] = []
        self.records: list[Record] = []
        self.wire = Wire()
        self.engine = Engine()
        self.taps = TapBook(self.records.append)
        self.leg = Leg("one", "room", "rtp", self.engine, self.taps, self.events.append, dtmf)
        self.leg.attach(self.wire, RtpNegotiator(("192.0.2.9", 2), 3, ("PCMU",), Keying("off")))
        self.leg.begin(AGREED)

    def receive(self, sequence: int, ssrc: int = 7, payload_type: int = 0) -> None:
        packet = RtpPacket(payload_type, False, ssrc, sequence, sequence * 160, bytes(160))
        self.leg.receive_rtp(serialize(packet), sequence * TICK)

    def send(self, count: int = 1) -> None:
        for _ in range(count):
            self.leg.send(Outgoing("one", 0, bytes(160), False, 160))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_packet_brings_the_leg_up_once(bench: Bench) -> None:
    for sequence in range(5):
        bench.receive(sequence)
    assert bench.events == [api.LegUp("one")]
    bench.leg.renewed()
    bench.receive(5)
    assert len(bench.events) == 2


def test_what_is_sent_is_one_stream(bench: Bench) -> None:
    bench.send(3)
    first = bench.wire.rtp[0]
    assert [(p.sequence - first.sequence) & 0xFFFF for p in bench.wire.rtp] == [0, 1, 2]
    assert [(p.timestamp - first.timestamp) & 0xFFFFFFFF for p in bench.wire.rtp] == [0, 160, 320]
    assert {p.ssrc for p in bench.wire.rtp} == {bench.leg.stream.ssrc}
    assert [p.marker for p in bench.wire.rtp] == [True, False, False]


def test_time_goes_on_while_the_peer_does_not_listen(bench: Bench) -> None:
    bench.send()
    bench.leg.apply(replace(AGREED, direction="recvonly"))
    bench.send(10)
    bench.leg.apply(AGREED)
    bench.send()
    before, after = bench.wire.rtp
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 11 * 160
    assert after.marker


def test_a_peer_that_may_not_send_is_not_heard_or_recorded(bench: Bench) -> None:
    bench.taps.set_room("room", [Tap("one", "00" * 16, 0)], 0)
    bench.leg.apply(replace(AGREED, direction="sendonly"))
    bench.receive(1)
    report = bench.leg.report()
    assert (report.packets_received, report.packets_discarded) == (0, 1)
    assert [record.kind for record in bench.records] == [Kind.BEGIN]


def test_the_tap_gets_late_packets_and_duplicates_with_extended_numbers(bench: Bench) -> None:
    bench.taps.set_room("room", [Tap("one", "00" * 16, 0)], 0)
    for sequence in (65534, 65535, 0, 65535, 0):
        bench.receive(sequence)
    packets = [record for record in bench.records if record.kind is Kind.PACKET]
    assert [record.sequence - packets[0].sequence for record in packets] == [0, 1, 2, 1, 2]


def test_payload_types_that_were_not_agreed_are_not_recorded(bench: Bench) -> None:
    bench.taps.set_room("room", [Tap("one", "00" * 16, 0)], 0)
    bench.receive(1, payload_type=18)
    assert [record.kind for record in bench.records] == [Kind.BEGIN]
    assert bench.leg.report().packets_discarded == 1


def test_reports_go_out_every_five_seconds_and_say_what_was_received(bench: Bench) -> None:
    for now in range(0, 12 * 50):
        bench.leg.send_rtcp_if_due(now * TICK, 0)
        if now == 100:
            for sequence in (10, 11, 13):
                bench.receive(sequence)
            bench.send(4)
    assert len(bench.wire.rtcp) == 2
    (report,) = rtcp.parse(bench.wire.rtcp[0])
    assert isinstance(report, Report)
    assert report.sender is not None
    assert (report.ssrc, report.sender.packets, report.sender.octets) == (bench.leg.stream.ssrc, 4, 640)
    assert (report.blocks[0].ssrc, report.blocks[0].packets_lost, report.blocks[0].fraction_lost) == (7, 1, 64)
    assert RTCP_NS == 5_000_000_000


def test_a_sender_report_of_the_peer_is_quoted(bench: Bench) -> None:
    bench.receive(1)
    bench.leg.receive_rtcp(Report(7, SenderInfo(0x1_2345_0000, 0, 0, 0)).serialize(), 0)
    bench.leg.receive_rtcp(Report(8, SenderInfo(0x9_9999_0000, 0, 0, 0)).serialize(), 0)
    bench.leg.receive_rtcp(Report(7, None, (ReceptionReport(1),)).serialize() + Goodbye((7,)).serialize(), 0)
    bench.leg.receive_rtcp(b"garbage", 0)
    bench.leg.send_rtcp_if_due(0, 0)
    bench.leg.send_rtcp_if_due(RTCP_NS, 0)
    (report,) = rtcp.parse(bench.wire.rtcp[0])
    assert isinstance(report, Report)
    assert report.blocks[0].last_sr == 0x12345
    assert bench.leg.report().packets_discarded == 1


def test_what_the_peer_loses_of_our_stream_is_heeded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    heeded: list[tuple[str, float]] = []
    monkeypatch.setattr(bench.engine, "expect_loss", lambda leg, percent: heeded.append((leg, percent)))
    blocks = ReceptionReport(bench.leg.stream.ssrc, 64), ReceptionReport(bench.leg.stream.ssrc ^ 1, 128)
    bench.leg.receive_rtcp(Report(7, None, blocks).serialize(), 0)
    assert heeded == [("one", 25.0)]


def test_a_closed_leg_says_goodbye_and_ends_its_taps(bench: Bench) -> None:
    bench.taps.set_room("room", [Tap("one", "00" * 16, 0)], 0)
    bench.send()
    report = bench.leg.close(5, 0)
    assert rtcp.parse(bench.wire.rtcp[-1])[-1] == Goodbye((bench.leg.stream.ssrc,))
    assert bench.wire.closed
    assert [record.kind for record in bench.records] == [Kind.BEGIN, Kind.END]
    assert report.packets_sent == 1


def test_a_leg_that_cannot_say_goodbye_leaves_nothing_behind(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(packet: bytes) -> None:
        raise RuntimeError("no key")

    bench.taps.set_room("room", [Tap("one", "00" * 16, 0)], 0)
    monkeypatch.setattr(bench.wire, "send_rtcp", refuse)
    with pytest.raises(RuntimeError, match="no key"):
        bench.leg.close(5, 0)
    assert bench.wire.closed
    assert [record.kind for record in bench.records] == [Kind.BEGIN, Kind.END]
    bench.engine.add_leg("one", "room", AGREED.send, AGREED.receive)  # raises nothing: that name is free


def test_silence_that_is_left_out_takes_its_time_and_no_number(bench: Bench) -> None:
    bench.send()
    for _ in range(5):
        bench.leg.send(Outgoing("one", 0, b"", False, 160))
    bench.send()
    before, after = bench.wire.rtp
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 6 * 160
    assert after.marker
    assert bench.leg.report().packets_sent == 2


def test_what_the_transport_could_not_send_is_not_counted(bench: Bench) -> None:
    bench.wire.open = False
    bench.send(3)
    assert bench.leg.report().packets_sent == 0


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00" + bytes(5), b"\xbf\x00" + bytes(20), b"\x00" * 40])
def test_garbage_is_counted(bench: Bench, data: bytes) -> None:
    bench.leg.receive_rtp(data, 0)
    assert bench.leg.report().packets_discarded == 1
    assert bench.events == []


EVENTS = Codec("telephone-event")
WITH_EVENTS = replace(AGREED, events=EventFormat(101), receive={0: PCMU, 101: EVENTS})


def test_digits_go_out_as_events_in_place_of_sound(bench: Bench) -> None:
    bench.leg.apply(WITH_EVENTS)
    bench.send()
    bench.leg.press("4", 60)
    bench.send(8)
    first, *events, after = bench.wire.rtp
    assert [packet.payload_type for packet in bench.wire.rtp] == [0, 101, 101, 101, 101, 101, 0]
    assert {(packet.timestamp - first.timestamp) & 0xFFFFFFFF for packet in events} == {160}
    assert [(p.sequence - first.sequence) & 0xFFFF for p in bench.wire.rtp] == list(range(7))
    assert (after.timestamp - first.timestamp) & 0xFFFFFFFF == 8 * 160
    assert after.marker


def test_digits_go_out_as_tones_where_the_peer_takes_no_events(bench: Bench) -> None:
    bench.leg.press("4", 100)
    bench.send(10)
    heard = np.concatenate([g711.decode_bytes("PCMU", packet.payload) for packet in bench.wire.rtp])
    assert {packet.payload_type for packet in bench.wire.rtp} == {0}
    assert level_of(heard[:800], 8000, 770) > -15
    assert level_of(heard[:800], 8000, 1209) > -15


def test_digits_of_an_info_leg_are_told_and_not_sent() -> None:
    bench = Bench("info")
    bench.leg.apply(WITH_EVENTS)
    bench.leg.press("4", 100)
    bench.send()
    assert bench.events == [api.SendInfo("one", "4", 100)]
    assert [packet.payload_type for packet in bench.wire.rtp] == [0]


def test_a_leg_without_a_way_for_digits_goes_on_with_its_sound() -> None:
    bench = Bench("events")
    bench.leg.press("4", 100)
    bench.send(3)
    assert [packet.payload for packet in bench.wire.rtp] == [bytes(160)] * 3


def test_tones_are_told_as_digits_where_they_are_looked_for() -> None:
    bench = Bench("inband")
    keypad = Keypad()
    keypad.press("8", 100)
    for sequence in range(12):
        payload = g711.encode("PCMU", keypad.tone(160, 8000)).tobytes()
        bench.leg.receive_rtp(serialize(RtpPacket(0, False, 7, sequence, sequence * 160, payload)), sequence * TICK)
    digits = [event for event in bench.events if isinstance(event, api.Digit)]
    assert [(digit.leg, digit.digit) for digit in digits] == [("one", "8")]


def test_masked_digits_are_not_recorded_and_not_counted_as_faults(bench: Bench) -> None:
    bench.leg.apply(WITH_EVENTS)
    bench.taps.set_room("room", [Tap("one", "00" * 16, 0)], 0)
    bench.leg.mask_digits(True, 0)
    for sequence, payload in enumerate([bytes([5, 10, 0, 160]), bytes([5, 0x8A, 1, 64])]):
        packet = RtpPacket(101, False, 7, sequence, 0, payload)
        bench.leg.receive_rtp(serialize(packet), sequence * TICK)
    packets = [record for record in bench.records if record.kind is Kind.PACKET]
    assert {record.payload for record in packets} == {NO_DIGIT}
    assert [event for event in bench.events if not isinstance(event, api.LegUp)] == [api.MaskedDigit("one", False)]
    assert bench.leg.report().packets_discarded == 0


def sound(sequence: int, level: int = 4000) -> bytes:
    samples = (level * np.sin(np.arange(160) / 3 + sequence)).astype(np.int16)
    return serialize(RtpPacket(0, False, 7, sequence, sequence * 160, g711.encode("PCMU", samples).tobytes()))


def test_quality_is_told_every_five_seconds_and_at_the_end(bench: Bench) -> None:
    """Each twentieth packet is lost; the peer says that it gets half of ours, 40 ms away."""
    for number in range(50 * 12):
        now = number * TICK
        if number % 20:
            bench.leg.receive_rtp(sound(number), now)
        bench.engine.tick(now)
        bench.send()
        bench.leg.send_rtcp_if_due(now, number << 32)
        if number % 250 == 249:
            (ours,) = rtcp.parse(bench.wire.rtcp[-1])
            assert isinstance(ours, Report) and ours.sender is not None
            delay = (now - (124 + number // 250 * 250) * TICK - 40_000_000) * 65536 // 1_000_000_000
            block = ReceptionReport(
                bench.leg.stream.ssrc, 0, number // 2, number, 0, rtcp.middle(ours.sender.ntp), delay
            )
            bench.leg.receive_rtcp(Report(7, None, (block,)).serialize(), now)
        bench.leg.check_health(now)
    told = [event for event in bench.events if isinstance(event, api.Quality)]
    assert len(told) == 2
    for quality in told:
        assert quality.received is not None and quality.sent is not None
        assert quality.received.packets == pytest.approx(250, abs=2)
        assert quality.received.lost == pytest.approx(12, abs=1)
        assert quality.sent.round_trip_ms == pytest.approx(40, abs=25)
        assert quality.received.mos > quality.sent.mos
    report = bench.leg.close(13 * 50 * TICK, 0)
    assert report.received is not None and report.sent is not None
    assert report.received.packets == pytest.approx(600, abs=2)
    assert report.received.lost == 29
    assert report.sent.lost == pytest.approx(report.sent.packets / 2, abs=2)
    assert report.alarms == ()


def test_alarms_are_told_and_kept_for_the_report(bench: Bench) -> None:
    def run(first: int, seconds: int, level: int | None) -> None:
        for number in range(first * 50, (first + seconds) * 50):
            if level is not None:
                bench.leg.receive_rtp(sound(number, level), number * TICK)
            if number % 10 == 0:
                bench.leg.check_health(number * TICK)

    run(0, 2, 4000)
    run(2, 6, None)
    run(8, 35, 0)
    bench.leg.apply(replace(AGREED, direction="inactive"))
    run(43, 1, None)
    alarms = [(event.alarm, event.on) for event in bench.events if isinstance(event, api.MediaAlarm)]
    assert alarms == [("no_media", True), ("no_media", False), ("silence", True), ("silence", False)]
    assert bench.leg.report().alarms == ("no_media", "silence")


def test_an_alarm_ends_with_its_leg(bench: Bench) -> None:
    for number in range(50 * 6):
        bench.leg.check_health(number * TICK)
    bench.leg.close(0, 0)
    assert bench.events == [api.MediaAlarm("one", "no_media", True), api.MediaAlarm("one", "no_media", False)]
