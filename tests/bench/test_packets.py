import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.call.codecs import OPUS, PCMA, PCMU, Codec
from bench.call.dtmf import DigitReader, event_frames
from bench.call.errors import PacketError
from bench.call.hearing import HeardPacket, place
from bench.call.reception import Reception
from bench.call.rtcp import ReportBlock, SenderInfo, goodbye, parse_reports, sender_report
from bench.call.rtp import RtpPacket, extend, is_rtcp, parse_rtp
from bench.call.sender import Sender
from bench.call.sounds import Silence


@given(
    st.builds(
        RtpPacket,
        st.integers(0, 127),
        st.integers(0, 65535),
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**32 - 1),
        st.binary(max_size=200),
        st.booleans(),
    )
)
def test_a_packet_survives_the_way(packet: RtpPacket) -> None:
    assert parse_rtp(bytes(packet)) == packet


def test_csrc_extension_and_padding_are_not_sound() -> None:
    head = bytes.fromhex("b1800001000000020000000300000004beef0001aabbccdd")
    assert parse_rtp(head + b"sound" + b"\0\0\3").payload == b"sound"


@pytest.mark.parametrize(
    "data", ["", "80", "40000001000000020000000300", "a00000010000000200000003ff", "9000000100000002000000030000"]
)
def test_what_is_no_packet(data: str) -> None:
    with pytest.raises(PacketError):
        parse_rtp(bytes.fromhex(data))


def test_numbers_are_extended_over_the_wrap() -> None:
    assert extend(2, 65534, 16) == 65538
    assert extend(65534, 65538, 16) == 65534
    assert extend(5, 2**32 - 5, 32) == 2**32 + 5


def test_reports_survive_the_way() -> None:
    block = ReportBlock(7, 25, -3, 0x10005, 42, 5, 6)
    data = sender_report(9, SenderInfo(1.5, 160, 1, 172), (block,), "x")
    assert is_rtcp(data) and parse_reports(data) == [block]
    assert parse_reports(goodbye(9)) == []
    with pytest.raises(PacketError):
        parse_reports(data[:-1])


def packet(sequence: int, timestamp: int, ssrc: int = 1) -> RtpPacket:
    return RtpPacket(0, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, b"x")


def test_reception_counts_as_the_standard_says() -> None:
    reception = Reception(8000)
    for number in (65533, 65534, 65534, 65537, 65536, 65540):
        reception.add(packet(number, number * 160), number * 0.02)
    assert (reception.received, reception.duplicates, reception.reordered, reception.lost) == (6, 1, 1, 3)
    assert reception.report_blocks()[0].lost == 3
    assert reception.largest_gap == pytest.approx(0.08)
    assert reception.jitter < 1e-9


def test_jitter_is_that_of_the_standard() -> None:
    reception = Reception(8000)
    for number, offset in enumerate((0.0, 0.008, 0.0)):
        reception.add(packet(number, number * 160), number * 0.02 + offset)
    first = 0.008 / 16
    assert reception.jitter == pytest.approx(first + (0.008 - first) / 16)


@pytest.mark.parametrize("codec", [PCMU, PCMA])
def test_g711_keeps_what_it_decodes_to(codec: Codec) -> None:
    decoder = codec.make_decoder()
    every = decoder.decode(bytes(range(256)))
    assert (decoder.decode(codec.make_encoder().encode(every)) == every).all()


def test_g711_known_values() -> None:
    """ITU-T G.711 tables 1a to 2b, scaled to 16 bits."""
    assert PCMU.make_decoder().decode(b"\x00\x80\xff\x0f").tolist() == [-32124, 32124, 0, -16764]
    assert PCMA.make_decoder().decode(b"\xd5\x55\xaa\x2a").tolist() == [8, -8, 32256, -32256]
    assert PCMU.make_encoder().encode(np.zeros(3, np.int16)) == b"\xff\xff\xff"


def test_opus_refuses_rubbish_quietly() -> None:
    decoder = OPUS.make_decoder()
    assert len(decoder.decode(b"\xff" * 40)) == 0
    assert len(decoder.decode(b"")) == 0


def heard(number: int, arrival: float, ssrc: int = 1, value: int = 0x80) -> HeardPacket:
    return HeardPacket(PCMU, ssrc, number * 160, arrival, bytes([value]) * 160)


def test_what_is_lost_is_silence_and_what_is_late_is_in_its_place() -> None:
    line = place([heard(0, 0.1), heard(3, 0.16), heard(1, 0.17)], 8000, 0.3)
    loud = (np.abs(line.reshape(-1, 160)) > 0).all(axis=1)
    assert np.flatnonzero(loud).tolist() == [5, 6, 8]
    assert len(line) == 2400


def test_a_new_time_line_of_the_sender_is_placed_by_arrival() -> None:
    line = place([heard(0, 0.0), heard(100_000, 0.1)], 8000, 0.2)
    loud = (np.abs(line.reshape(-1, 160)) > 0).all(axis=1)
    assert np.flatnonzero(loud).tolist() == [0, 5]


def test_a_digit_is_read_once_even_if_its_end_is_lost() -> None:
    reader = DigitReader()
    at, begun = 1000, 0
    for number, frame in enumerate(event_frames("5a", 160)):
        begun = at if frame.marker else begun
        if frame.payload and number % 2 == 0:
            for _ in range(frame.copies):
                reader.add(RtpPacket(101, number, begun, 1, frame.payload))
        at += 160
    assert reader.digits == "5A"
    with pytest.raises(PacketError):
        reader.add(RtpPacket(101, 1, 1, 1, b"\x01"))


@pytest.mark.parametrize("left_out", range(1, 8))
def test_a_digit_is_one_event_when_a_frame_in_it_came_too_late_to_be_sent(left_out: int) -> None:
    reader = DigitReader()
    sender = Sender(PCMU, 0, 101, Silence())
    sender.dial("11")
    for number in range(30):
        if number == left_out:
            sender.skip()
        for packet in sender.next_packets():
            if packet.payload_type == 101:
                reader.add(packet)
    assert reader.digits == "11"
