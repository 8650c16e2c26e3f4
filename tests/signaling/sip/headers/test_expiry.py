import pytest

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.headers.expiry import SessionExpires, parse_min_se, parse_retry_after, parse_seconds
from signaling.sip.messages.grammar import Params


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1800", SessionExpires(1800)),
        ("90;refresher=UAC", SessionExpires(90, "uac")),
        ("4000 ; x=y ;refresher=uas", SessionExpires(4000, "uas", Params((("x", "y"),)))),
    ],
)
def test_session_expires(text: str, value: SessionExpires) -> None:
    assert SessionExpires.parse(text) == value
    assert SessionExpires.parse(str(value)) == value


@pytest.mark.parametrize("text", ["", "x", "-1", "1800;refresher", "1800;refresher=me", "4294967296", "90;;"])
def test_malformed_session_expires(text: str) -> None:
    with pytest.raises(ParseError):
        SessionExpires.parse(text)


def test_session_expires_of_ours_is_checked() -> None:
    with pytest.raises(ValueRefused):
        SessionExpires(90, None, Params((("refresher", "uac"),)))
    with pytest.raises(ValueRefused):
        SessionExpires(-1)


def test_other_spans() -> None:
    assert parse_seconds("4294967295") == 2**32 - 1
    assert parse_min_se("90;x=y") == 90
    assert parse_retry_after("120 (I'm \\) away);duration=60") == 120
    for text in ("", "1.5", "\N{ARABIC-INDIC DIGIT ONE}", "4294967296"):
        with pytest.raises(ParseError):
            parse_seconds(text)
