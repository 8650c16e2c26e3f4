"""Digits in INFO requests. RFC 6086 has no package for them; what gateways send are bodies of `application/dtmf-relay`
(lines of Signal and Duration) and `application/dtmf` (the digit alone). Pure."""

import re
from dataclasses import dataclass

from signaling.sip.errors import ParseError
from signaling.sip.messages.bodies import DTMF, DTMF_RELAY, content_type
from signaling.sip.messages.message import Request
from vault.pii import Pii

KINDS = (DTMF_RELAY, DTMF)
USUAL_MS = 100
"""Of a digit whose length is not told."""
MOST_MS = 10_000
_SYMBOLS = "0123456789*#ABCD"
"""By number, as events have them (RFC 4733 §3.2): some write 10 for *."""
_SIGNAL = re.compile(rb"^[ \t]*signal[ \t]*=[ \t]*(\S+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_DURATION = re.compile(rb"^[ \t]*duration[ \t]*=[ \t]*([0-9]{1,6})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pressed:
    digit: Pii[str]
    duration_ms: int


def read_digit(request: Request) -> Pressed:
    """The digit of an INFO. Raises ParseError when its content is not of KINDS, or has no digit in it."""
    if content_type(request) not in KINDS:
        raise ParseError("Not a digit", 415)
    if content_type(request) == DTMF:
        return Pressed(Pii(_symbol(request.body.strip())), USUAL_MS)
    signal, duration = _SIGNAL.search(request.body), _DURATION.search(request.body)
    if signal is None:
        raise ParseError("No Signal")
    length = int(duration[1]) if duration is not None else USUAL_MS
    return Pressed(Pii(_symbol(signal[1])), min(max(length, 1), MOST_MS))


def write_digit(digit: str, duration_ms: int) -> bytes:
    """A body of DTMF_RELAY."""
    return f"Signal={digit}\r\nDuration={duration_ms}\r\n".encode()


def _symbol(text: bytes) -> str:
    symbol = text.upper().decode("latin-1")
    if len(symbol) == 2 and symbol.isascii() and symbol.isdigit() and int(symbol) < len(_SYMBOLS):
        return _SYMBOLS[int(symbol)]
    if len(symbol) != 1 or symbol not in _SYMBOLS:
        raise ParseError("Not a digit")
    return symbol
