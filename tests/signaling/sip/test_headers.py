import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.headers import CSeq, NameAddr, Via, make_via
from signaling.sip.uri import Uri


@pytest.mark.parametrize(
    ("text", "display", "uri", "tag"),
    [
        ('"Ada \\"L\\", x" <sip:a@b;lr>;tag=1', 'Ada "L", x', "sip:a@b;lr", "1"),
        ("Ada Lovelace <sip:a@b>", "Ada Lovelace", "sip:a@b", None),
        ("Ada<sip:a@b> ; tag=2", "Ada", "sip:a@b", "2"),
        ("sip:a@b;tag=3", "", "sip:a@b", "3"),
        ("<tel:+49>", "", "tel:+49", None),
    ],
)
def test_name_addr(text: str, display: str, uri: str, tag: str | None) -> None:
    address = NameAddr.parse(text)
    assert (address.display, str(address.uri), address.tag) == (display, uri, tag)
    assert NameAddr.parse(str(address)) == address


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))
def test_any_display_name_survives(display: str) -> None:
    address = NameAddr(Uri("sip", "a", "b"), display)
    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "<>", "a, b <sip:x>", '"a <sip:x>', "<sip:x", "sip:x?y=z", "<sip:x> y", "< sip:x>"]
)
def test_malformed_name_addr(text: str) -> None:
    with pytest.raises(ParseError):
        NameAddr.parse(text)


@pytest.mark.parametrize("text", ["a" * 8000, "a " * 4000, '"' + "a\\" * 4000, "a" * 4000 + " " * 4000, "<" * 8000])
def test_malformed_name_addr_costs_no_time(text: str) -> None:
    began = time.process_time()
    with pytest.raises(ParseError):
        NameAddr.parse(text)
    assert time.process_time() - began < 0.1


def test_display_name_of_ours_cannot_break_out() -> None:
    with pytest.raises(ValueRefused):
        NameAddr(Uri("sip", "a", "b"), "x\r\nVia: y")


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


def test_cseq() -> None:
    assert str(CSeq.parse("0009 \tINVITE")) == "9 INVITE"
    assert CSeq.parse("2147483647 BYE").number == 2**31 - 1


@pytest.mark.parametrize(
    "text", ["", "1", "x BYE", "-1 BYE", "2147483648 BYE", "1 B Y", "\N{ARABIC-INDIC DIGIT ONE} BYE"]
)
def test_malformed_cseq(text: str) -> None:
    with pytest.raises(ParseError):
        CSeq.parse(text)
