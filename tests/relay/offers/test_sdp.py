import pytest

from relay.errors import BadSdp
from relay.offers.sdp import Attribute, MediaDescription, SessionDescription

TEXT = """v=0\r
o=alice 2890844526 3 IN IP4 192.0.2.1\r
s=-\r
c=IN IP4 192.0.2.1\r
t=0 0\r
a=group:BUNDLE 0\r
m=audio 49170 RTP/AVP 0 8\r
a=rtpmap:0 PCMU/8000\r
a=sendrecv\r
m=video 51372 RTP/AVP 31\r
c=IN IP6 2001:DB8::1\r
a=mid:1\r
"""


def test_parse_gives_each_media_line_its_address_and_attributes() -> None:
    session = SessionDescription.parse(TEXT)
    audio, video = session.media
    assert (session.session, session.version, session.address) == (2890844526, 3, "192.0.2.1")
    assert (audio.kind, audio.port, audio.protocol, audio.formats) == ("audio", 49170, "RTP/AVP", ("0", "8"))
    assert audio.address == "192.0.2.1"
    assert audio.value("sendrecv") == ""
    assert audio.value("rtpmap") == "0 PCMU/8000"
    assert video.address == "2001:db8::1"
    assert session.value("group") == "BUNDLE 0"


def test_round_trip() -> None:
    session = SessionDescription.parse(TEXT)
    assert SessionDescription.parse(str(session)) == session


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_other_line_ends_are_understood(end: str) -> None:
    assert SessionDescription.parse(TEXT.replace("\r\n", end)) == SessionDescription.parse(TEXT)


def test_a_refused_line_keeps_its_formats_and_mid() -> None:
    line = MediaDescription("video", 9, "RTP/AVP", ("31",), "192.0.2.1", (Attribute("mid", "1"), Attribute("sendrecv")))
    assert list(line.refused().lines()) == ["m=video 0 RTP/AVP 31", "a=mid:1"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("v=0", "v=1"),
        ("v=0\r\n", ""),
        ("o=alice 2890844526 3 IN IP4 192.0.2.1\r\n", ""),
        ("2890844526", "minus"),
        ("IN IP4 192.0.2.1\r\nt", "IN IP4 example.org\r\nt"),
        ("IN IP4 192.0.2.1\r\nt", "IN IP4 239.1.1.1\r\nt"),
        ("IN IP4 192.0.2.1\r\nt", "IN\r\nt"),
        ("audio 49170", "audio 65536"),
        ("audio 49170", "audio -1"),
        ("audio 49170", "audio \u0664"),
        ("m=audio 49170 RTP/AVP 0 8", "m=audio 49170 RTP/AVP"),
        ("t=0 0", "no line"),
    ],
)
def test_what_is_malformed_is_refused(before: str, after: str) -> None:
    assert before in TEXT
    with pytest.raises(BadSdp):
        SessionDescription.parse(TEXT.replace(before, after, 1))


@pytest.mark.parametrize("text", ["", "\r\n", "v=0\r\n" * 20000, TEXT + "m=audio 9 RTP/AVP 0\r\n" * 40])
def test_empty_and_too_long_are_refused(text: str) -> None:
    with pytest.raises(BadSdp):
        SessionDescription.parse(text)


def test_errors_do_not_quote_the_peer() -> None:
    with pytest.raises(BadSdp) as error:
        SessionDescription.parse(TEXT.replace("audio 49170", "audio +15550100"))
    assert "5550100" not in str(error.value)
