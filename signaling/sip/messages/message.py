"""SIP messages as values, and their form on the wire (RFC 3261 §7)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.grammar import TOKEN, is_token, refuse_breaks, split_list

MAX_MESSAGE = 65536
MAX_HEADERS = 128
MAX_LINE = 8192
"""A header line after unfolding, in octets."""

KNOWN_METHODS = frozenset(
    ("ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER",
     "SUBSCRIBE", "UPDATE")
)  # fmt: skip
"""In the registry: 405 where they are not served; others get 501 (§8.2.1, §21.5.2)."""

_request_line = re.compile(rf"({TOKEN}) ([^\s\x00-\x1f]+) SIP/([0-9]+\.[0-9]+)", re.I)
_status_line = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9]) (.*)", re.I)
_field = re.compile(rf"({TOKEN})[ \t]*:[ \t]*(.*)", re.DOTALL)

COMPACT = {
    "b": "Referred-By", "c": "Content-Type", "e": "Content-Encoding", "f": "From", "i": "Call-ID", "k": "Supported",
    "l": "Content-Length", "m": "Contact", "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To",
    "u": "Allow-Events", "v": "Via", "x": "Session-Expires",
}  # fmt: skip
"""One-letter names (§7.3.3 and the registry of header fields)."""

_known = (
    *COMPACT.values(), "Accept", "Accept-Encoding", "Allow", "Authorization", "Content-Disposition", "CSeq", "Expires",
    "Authentication-Info", "Diversion", "History-Info", "Info-Package", "Max-Forwards", "Min-Expires", "Min-SE",
    "P-Asserted-Identity", "Path", "Privacy", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "RAck",
    "Reason", "Recv-Info", "Record-Route", "Replaces", "Require", "Retry-After", "Route", "RSeq", "Server",
    "Service-Route", "Subscription-State", "Unsupported", "User-Agent", "WWW-Authenticate",
)  # fmt: skip
_canonical_names = frozenset(_known)
_canonical = {name.lower(): name for name in _known} | COMPACT


def canonical(name: str) -> str:
    """The full, usual spelling of a known header name; an unknown one as it is."""
    if name in _canonical_names:
        return name
    return _canonical.get(name.lower(), name)


def _by_name(fields: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name.lower(), []).append(value)
    return values


class Headers:
    """Header fields in order, immutable; names compare without case. Raises ValueRefused for what would break out."""

    __slots__ = ("_fields", "_values")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._fields = tuple((canonical(name), refuse_breaks(value)) for name, value in fields)
        if not all(name in _canonical_names or is_token(name) for name, _ in self._fields):
            raise ValueRefused("not a header name")
        self._values = _by_name(self._fields)

    @classmethod
    def checked(cls, fields: Iterable[tuple[str, str]]) -> "Headers":
        """Of fields as `parse_fields` has them: in their usual spelling, without a break."""
        headers = cls()
        headers._fields = tuple(fields)
        headers._values = _by_name(headers._fields)
        return headers

    def get(self, name: str) -> str | None:
        """The first value of that name."""
        values = self._values.get(name.lower())
        return values[0] if values else None

    def get_all(self, name: str) -> list[str]:
        return list(self._values.get(name.lower(), ()))

    def items(self, name: str) -> list[str]:
        """All members of a comma-separated list header. Raises ParseError for unbalanced quotes."""
        return [item for value in self.get_all(name) for item in split_list(value) if item]

    def add(self, *fields: tuple[str, str]) -> "Headers":
        return Headers((*self._fields, *fields))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)

    def __repr__(self) -> str:
        return f"<Headers {len(self._fields)}>"


@dataclass(frozen=True, slots=True)
class Request:
    """Content-Length is no header here: it is made from the body. The repr names no one."""

    method: str
    uri: str = field(repr=False)
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if not _request_line.fullmatch(f"{self.method} {self.uri} SIP/2.0"):
            raise ValueRefused("not a request line")

    def __bytes__(self) -> bytes:
        return _serialize(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; see Request."""

    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        refuse_breaks(self.reason)
        if not 100 <= self.status <= 699:
            raise ValueRefused("not a status")

    def __bytes__(self) -> bytes:
        return _serialize(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)


Message = Request | Response


def parse_message(data: bytes) -> Message:
    """Reads one datagram, or one framed message of a stream. Raises ParseError."""
    if len(data) > MAX_MESSAGE:
        raise ParseError("Message Too Large", 513)
    head, blank, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    start, error = _parse_start(lines[0])
    fields, field_error = parse_fields(unfold(lines[1:]))
    error = error or field_error or (None if blank else ParseError("Headers Do Not End"))
    message, length_error = _fit_body(start, fields, body)
    error = error or length_error
    if error is not None:
        error.request = message if isinstance(message, Request) else None
        raise error
    return message


def unfold(lines: list[bytes]) -> list[bytes]:
    """Joins each line that begins with white space to the one before it (§7.3.1)."""
    joined: list[list[bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and joined:
            joined[-1].append(line.strip(b" \t"))
        else:
            joined.append([line.rstrip(b" \t")])
    return [b" ".join(parts).rstrip(b" ") for parts in joined]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _serialize(start: str, headers: Headers, body: bytes) -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def _parse_start(line: bytes) -> tuple[Message, ParseError | None]:
    if len(line) > MAX_LINE:
        raise ParseError("Start Line Too Long", 414)
    text = _text(line)
    status = _status_line.fullmatch(text)
    if status is not None and "\r" not in text and "\n" not in text:
        return Response(int(status.group(1)), status.group(2)), None
    request = _request_line.fullmatch(text)
    if request is not None:
        error = None if request.group(3) == "2.0" else ParseError("Version Not Supported", 505)
        return Request(request.group(1), request.group(2)), error
    method = text.split(" ")[0]
    if not is_token(method) or not text.upper().rstrip(" ").endswith("SIP/2.0"):
        raise ParseError("Bad Start Line")
    return Request(method, "sip:invalid"), ParseError("Bad Request Line")


def parse_fields(lines: list[bytes]) -> tuple[list[tuple[str, str]], ParseError | None]:
    """The fields of unfolded header lines that can be read, and the first error."""
    if len(lines) > MAX_HEADERS:
        return parse_fields(lines[:MAX_HEADERS])[0], ParseError("Too Many Headers", 513)
    fields: list[tuple[str, str]] = []
    error = None
    for line in lines:
        match = _field.fullmatch(_text(line)) if len(line) <= MAX_LINE else None
        if match is None or b"\r" in line or b"\n" in line:
            error = error or ParseError("Bad Header Line")
        else:
            fields.append((canonical(match.group(1)), match.group(2)))
    return fields, error


def _fit_body(message: Message, fields: list[tuple[str, str]], body: bytes) -> tuple[Message, ParseError | None]:
    """Cuts the body to Content-Length: octets beyond it are not part of a datagram's message (§18.3)."""
    lengths = [value for name, value in fields if name == "Content-Length"]
    headers = Headers.checked(field for field in fields if field[0] != "Content-Length")
    error = None
    if lengths:
        length = parse_length(lengths)
        if length is None or length > len(body):
            error = ParseError("Bad Content-Length")
        body = body[: length or 0]
    return replace(message, headers=headers, body=body), error


def parse_length(values: list[str]) -> int | None:
    """The Content-Length that this one value states; None if there are several, be they alike, or it states none."""
    value = values[0] if len(values) == 1 else ""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 10 else None
