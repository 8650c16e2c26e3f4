from urllib.parse import unquote

import pytest

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.headers.replaces import Replaces


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "98732@a.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff",
            Replaces("98732@a.example.com", "ff87ff", "r33th4x0r"),
        ),
        ("x;to-tag=1;from-tag=2;early-only;y=z", Replaces("x", "1", "2", True)),
    ],
)
def test_replaces(text: str, value: Replaces) -> None:
    assert Replaces.parse(text) == value
    assert Replaces.parse(str(value)) == value
    assert Replaces.parse(unquote(value.escaped().partition("=")[2])) == value


@pytest.mark.parametrize(
    "text", ["", "x", "x;to-tag=1", "x;to-tag=1;to-tag=2;from-tag=3", "x;to-tag;from-tag=1", "x y;to-tag=1;from-tag=2"]
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        Replaces.parse(text)


def test_value_of_ours_cannot_break_out() -> None:
    for call_id in ("a,b", "a;b", "a\r\nb", ""):
        with pytest.raises(ValueRefused):
            Replaces(call_id, "1", "2")
