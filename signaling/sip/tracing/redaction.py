"""A SIP message as it may be shown: numbers, names and tokens are dots, everything that steers the call is left."""

import re
from functools import lru_cache

import msgspec

from signaling.sip.flow import Flow
from signaling.sip.messages.message import canonical
from signaling.sip.replies import PHRASES

DOTS = "•••"
PLAIN = frozenset({
    "CSeq", "Max-Forwards", "Content-Type", "Content-Length", "Require", "Proxy-Require", "Supported", "Unsupported",
    "Allow", "Allow-Events", "Accept", "Session-Expires", "Min-SE", "Expires", "Retry-After", "RSeq", "RAck", "Event",
    "Subscription-State", "Refer-Sub", "Server", "User-Agent", "Info-Package", "Recv-Info", "Timestamp",
})  # fmt: skip
"""Headers whose values name nobody, as long as they are what they should be."""
ADDRESSES = frozenset({
    "Via", "From", "To", "Contact", "Route", "Record-Route", "Path", "Refer-To", "Referred-By", "Diversion",
    "History-Info", "P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Reason",
})  # fmt: skip
HARMLESS = frozenset({
    "lr", "transport", "received", "rport", "expires", "refresher", "cause", "ttl", "maddr", "q", "reason", "counter",
    "privacy", "index", "id", "outbound", "ob",
})  # fmt: skip
"""Parameters that are shown with their values."""
MAX_VALUE = 200
"""Characters of a value that are shown."""

_line_break = re.compile(r"\r\n(?![ \t])")
_quoted = re.compile(r'"(?:[^"\\]|\\.)*"?')
_display = re.compile(r'(^|,\s*)(?:[^<>,;"@:]+)(?=<)')
_user = re.compile(r"\b(sips?):[^@>\s]*@", re.IGNORECASE)
_tel = re.compile(r"\btel:[^;>,\s]*", re.IGNORECASE)
_headers = re.compile(r"\?[^>\s]*")
_param = re.compile(r";\s*([^=;>,\s]+)\s*=\s*([^;>,\s]*)")
_number = re.compile(r"\+?\d{6,}")
_sequence = re.compile(r"[\d ]+(?:[A-Z]+)?")


class ShownMessage(msgspec.Struct, frozen=True):
    """One message of a call, redacted."""

    at: float
    """Unix seconds."""
    sent: bool
    """By us."""
    transport: str
    peer: str
    """Address and port."""
    start: str
    """Method and URI, or status and its usual phrase."""
    cseq: str
    headers: tuple[tuple[str, str], ...] = ()


def show(data: bytes, flow: Flow, sent: bool, at: float) -> ShownMessage:
    """Of a message as it was on the wire; its body is left out."""
    head = data.lstrip(b"\r\n").partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    start, *lines = _line_break.split(head)
    headers = tuple(_header(line) for line in lines if ":" in line)
    cseq = next((value for name, value in headers if name == "CSeq"), "")
    return ShownMessage(at, sent, flow.transport, f"{flow.remote[0]}:{flow.remote[1]}", _start(start), cseq, headers)


def _start(line: str) -> str:
    first, _, rest = _printable(line).partition(" ")
    if first == "SIP/2.0":
        # The phrase is the peer's own words.
        status = rest[:3]
        return f"{status} {PHRASES.get(int(status), '')}".rstrip() if status.isascii() and status.isdigit() else DOTS
    if not (first.isascii() and first.isalpha() and first.isupper()):
        return DOTS
    return f"{first} {_address(rest.rpartition(' ')[0])}"


def _header(line: str) -> tuple[str, str]:
    raw, _, value = line.partition(":")
    name, value = _name(raw), _printable(value)
    if name in ADDRESSES:
        return name, _address(value)[:MAX_VALUE]
    return name, _plain(name, value) if name in PLAIN else DOTS


def _printable(text: str) -> str:
    """On one line, and nothing that a terminal would obey."""
    text = text.strip()
    if text.isprintable() and "  " not in text:
        return text
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


@lru_cache(1024)
def _name(raw: str) -> str:
    name = canonical(raw.strip())
    return name[:MAX_VALUE] if name.replace("-", "").isalpha() else DOTS


@lru_cache(1024)
def _plain(name: str, value: str) -> str:
    """They are the same in one message after another."""
    if name in ("CSeq", "RAck", "RSeq"):
        return value if _sequence.fullmatch(value) and len(value) < 40 else DOTS
    return _number.sub(DOTS, _quoted.sub(DOTS, value))[:MAX_VALUE]


def _address(value: str) -> str:
    """Display names, users, parameters that identify, and whatever looks like a number."""
    if '"' in value:
        value = _quoted.sub(DOTS, value)
    if "<" in value and not (value[0] == "<" and "," not in value):
        value = _display.sub(lambda match: f"{match.group(1)}{DOTS} ", value)
    if "@" in value:
        value = _user.sub(lambda match: f"{match.group(1)}:{DOTS}@", value)
    if ":" in value and "tel" in value.lower():
        value = _tel.sub(f"tel:{DOTS}", value)
    if "?" in value:
        value = _headers.sub(f"?{DOTS}", value)
    if "=" in value:
        value = _param.sub(_parameter, value)
    return _number.sub(DOTS, value)


def _parameter(match: re.Match[str]) -> str:
    name, value = match.groups()
    return f";{name}={value if name.lower() in HARMLESS else DOTS}"
