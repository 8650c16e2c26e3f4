import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.headers import NameAddr
from signaling.sip.messages.uri import Uri


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
