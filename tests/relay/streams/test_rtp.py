import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.streams.rtp import CounterExtender, Extension, RtpError, RtpPacket, StreamExtender, header, parse, serialize

PLAIN = bytes.fromhex("80600001000000a000000007") + b"sound"

packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    marker=st.booleans(),
    ssrc=st.integers(0, 2**32 - 1),
    sequence=st.integers(0, 2**16 - 1),
    timestamp=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=200),
    csrcs=st.lists(st.integers(0, 2**32 - 1), max_size=15).map(tuple),
    extension=st.none()
    | st.builds(Extension, st.integers(0, 65535), st.binary(max_size=10).map(lambda data: data * 4)),
)


def test_a_plain_packet() -> None:
    assert parse(PLAIN) == RtpPacket(96, False, 7, 1, 160, b"sound")


@given(packets)
def test_round_trip(packet: RtpPacket) -> None:
    assert parse(serialize(packet)) == packet


def test_padding_is_taken_off() -> None:
    padded = bytes([PLAIN[0] | 0x20]) + PLAIN[1:] + b"\0\0\0\4"
    assert parse(padded) == parse(PLAIN)


def test_extension_and_contributing_sources() -> None:
    data = b"\x92" + PLAIN[1:12] + b"\0\0\0\1\0\0\0\2" + b"\xbe\xde\0\1\x10\x85\0\0" + b"sound"
    packet = parse(data)
    assert packet.csrcs == (1, 2)
    assert packet.extension == Extension(0xBEDE, b"\x10\x85\0\0")
    assert packet.payload == b"sound"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PLAIN[:11],
        b"\x40" + PLAIN[1:],
        b"\x81" + PLAIN[1:12] + b"\0\0\0",
        b"\x90" + PLAIN[1:12] + b"\0\0",
        b"\x90" + PLAIN[1:12] + b"\0\0\0\2\0\0\0\0",
        b"\xa0" + PLAIN[1:12],
        b"\xa0" + PLAIN[1:12] + b"\0",
        b"\xa0" + PLAIN[1:12] + b"\5\5",
    ],
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(RtpError):
        parse(data)


def test_what_has_no_wire_form_is_refused() -> None:
    with pytest.raises(RtpError):
        serialize(RtpPacket(0, False, 0, 0, 0, b"", csrcs=tuple(range(16))))
    with pytest.raises(RtpError):
        serialize(RtpPacket(0, False, 0, 0, 0, b"", extension=Extension(1, b"odd")))


def test_counters_go_on_over_the_wrap_in_either_order() -> None:
    extender = CounterExtender(16)
    values = [extender.extend(value) for value in (65534, 65535, 1, 0, 2, 65533)]
    assert [value - values[0] for value in values] == [0, 1, 3, 2, 4, -1]


def test_extended_counters_are_sent_as_their_low_bits() -> None:
    extended = StreamExtender().read(serialize(RtpPacket(0, False, 7, 65535, 2**32 - 1, b"")))
    assert extended.sequence > 65535
    assert parse(serialize(extended)) == RtpPacket(0, False, 7, 65535, 2**32 - 1, b"")


def test_a_new_source_counts_anew_and_a_straggler_of_the_old_one_does_not_disturb() -> None:
    extender = StreamExtender()
    first = extender.read(serialize(RtpPacket(0, False, 7, 65535, 0, b"")))
    wrapped = extender.read(serialize(RtpPacket(0, False, 7, 0, 160, b"")))
    other = extender.read(serialize(RtpPacket(0, False, 8, 9, 0, b"")))
    late = extender.read(serialize(RtpPacket(0, False, 7, 1, 320, b"")))
    assert wrapped.sequence - first.sequence == 1
    assert late.sequence - first.sequence == 2
    assert other.sequence & 0xFFFF == 9


def test_a_header_is_that_of_the_whole_packet() -> None:
    whole = serialize(RtpPacket(96, True, 7, 65535, 2**32 - 1, b"sound"))
    assert header(96, True, 7, (3 * 65536 - 1, 2**34 - 1)) + b"sound" == whole
