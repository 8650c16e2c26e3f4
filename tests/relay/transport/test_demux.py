import pytest

from relay.transport.demux import Kind, classify


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x80\x00" + bytes(10), Kind.RTP),
        (b"\x80\x80" + bytes(10), Kind.RTP),
        (b"\x80\xef" + bytes(10), Kind.RTP),  # payload type 111 with marker
        (b"\x80\xc8" + bytes(10), Kind.RTCP),
        (b"\xbf\xdf" + bytes(10), Kind.RTCP),
        (b"\x80\xbf" + bytes(10), Kind.RTP),
        (b"\x16\xfe" + bytes(10), Kind.DTLS),
        (b"\x14\xfe", Kind.DTLS),
        (b"\x3f\xfe", Kind.DTLS),
        (b"\x00\x01" + bytes(18), Kind.STUN),
        (b"\x03\x01", Kind.STUN),
        (b"\x04\x01", Kind.UNKNOWN),
        (b"\x40\x00", Kind.UNKNOWN),
        (b"\xc0\x00", Kind.UNKNOWN),
        (b"\x80", Kind.UNKNOWN),
        (b"", Kind.UNKNOWN),
    ],
)
def test_first_bytes_tell_the_kind(data: bytes, kind: Kind) -> None:
    assert classify(data) is kind
