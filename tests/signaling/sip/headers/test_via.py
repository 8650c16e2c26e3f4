import pytest

from signaling.sip.errors import ParseError
from signaling.sip.headers import Via, make_via


def test_via() -> None:
    via = Via.parse("sip / 2.0 / udp 10.0.0.1 : 5062 ;branch=z9hG4bKa; rport")
    assert (via.transport, via.host, via.port, via.branch) == ("UDP", "10.0.0.1", 5062, "z9hG4bKa")
    assert str(via) == "SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bKa;rport"


@pytest.mark.parametrize(
    ("text", "stamped"),
    [
        ("SIP/2.0/UDP 10.0.0.1;rport", ";rport=4000;received=10.0.0.1"),
        ("SIP/2.0/UDP 10.0.0.1", ""),
        ("SIP/2.0/UDP pbx.test", ";received=10.0.0.1"),
        ("SIP/2.0/UDP 10.9.9.9;received=1.1.1.1", ";received=10.0.0.1"),
    ],
)
def test_stamp_says_where_it_came_from(text: str, stamped: str) -> None:
    assert str(Via.parse(text).stamp(("10.0.0.1", 4000)).params) == stamped


@pytest.mark.parametrize(
    "text", ["", "SIP/2.0/UDP", "SIP/2.0/UDP x:99999", "SIP/2.0/UDP x;;", "HTTP/2.0/UDP x", "x, y"]
)
def test_malformed_via(text: str) -> None:
    with pytest.raises(ParseError):
        Via.parse(text)


def test_make_via_asks_for_the_answer_where_it_came_from() -> None:
    assert str(make_via("tcp", ("::1", 5060), "x")) == "SIP/2.0/TCP [::1]:5060;branch=z9hG4bKx;rport"
