import pytest

from signaling.sip.errors import ParseError
from signaling.sip.messages.bodies import DTMF, DTMF_RELAY
from signaling.sip.messages.digits import Pressed, read_digit, write_digit
from signaling.sip.messages.message import Headers, Request
from vault.pii import Pii


def info(kind: str, body: bytes) -> Request:
    return Request("INFO", "sip:4930@192.0.2.1", Headers([("Content-Type", kind)]), body)


@pytest.mark.parametrize(
    ("kind", "body", "digit", "duration_ms"),
    [
        (DTMF_RELAY, b"Signal=5\r\nDuration=160\r\n", "5", 160),
        (DTMF_RELAY, b"Signal= *\r\nDuration= 250\r\n", "*", 250),
        (DTMF_RELAY, b"signal=11\nduration=100", "#", 100),
        (DTMF_RELAY, b"Signal=d", "D", 100),
        (DTMF_RELAY, b"Signal=1\r\nDuration=999999\r\n", "1", 10_000),
        (DTMF, b"7", "7", 100),
        (DTMF, b" 10\r\n", "*", 100),
        (DTMF + ";charset=x", b"#", "#", 100),
    ],
)
def test_digits_are_read(kind: str, body: bytes, digit: str, duration_ms: int) -> None:
    assert read_digit(info(kind, body)) == Pressed(Pii(digit), duration_ms)


@pytest.mark.parametrize(
    ("kind", "body"),
    [(DTMF_RELAY, b"Duration=160"), (DTMF_RELAY, b"Signal=16"), (DTMF_RELAY, b"Signal=!"), (DTMF, b""), (DTMF, b"123")],
)
def test_what_is_no_digit_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(ParseError):
        read_digit(info(kind, body))


def test_what_is_written_can_be_read_and_is_not_printed() -> None:
    pressed = read_digit(info(DTMF_RELAY, write_digit("9", 120)))
    assert pressed == Pressed(Pii("9"), 120)
    assert "9" not in repr(pressed)
