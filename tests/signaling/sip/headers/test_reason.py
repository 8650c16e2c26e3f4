import pytest

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.headers.reason import Reason


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('Q.850;cause=16;text="Normal; clearing"', Reason("Q.850", 16, "Normal; clearing")),
        ('SIP ;cause=200 ;text="Call completed elsewhere"', Reason("SIP", 200, "Call completed elsewhere")),
        ("preemption", Reason("preemption")),
    ],
)
def test_reason(text: str, value: Reason) -> None:
    assert Reason.parse(text) == value
    assert Reason.parse(str(value)) == value


@pytest.mark.parametrize("text", ["", ";cause=1", "SIP;cause=x", "SIP;cause=1000", "S IP"])
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        Reason.parse(text)


def test_text_of_ours_cannot_break_out() -> None:
    with pytest.raises(ValueRefused):
        Reason("SIP", 200, "a\r\nVia: b")
