"""Bodies of several parts (RFC 2046 §5.1, RFC 5621)."""

import re
from dataclasses import dataclass

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.headers.media_type import Disposition, MediaType
from signaling.sip.messages.message import Headers, parse_fields, unfold

MAX_PARTS = 16
MAX_DEPTH = 3

_boundary = re.compile(r"[A-Za-z0-9'()+_,\-./:=? ]{0,69}[A-Za-z0-9'()+_,\-./:=?]")


@dataclass(frozen=True, slots=True)
class Part:
    """The repr shows no content."""

    headers: Headers
    body: bytes

    @property
    def kind(self) -> MediaType:
        """Raises ParseError. A part that does not say is plain text (RFC 2046 §5.2)."""
        return MediaType.parse(self.headers.get("Content-Type") or "text/plain")

    @property
    def disposition(self) -> Disposition:
        """Raises ParseError. What is not said is read from the type (RFC 3261 §20.11)."""
        given = self.headers.get("Content-Disposition")
        if given is not None:
            return Disposition.parse(given)
        return Disposition("session" if self.kind.name == "application/sdp" else "render")

    def __repr__(self) -> str:
        return f"<Part {len(self.body)} octets>"

    def __bytes__(self) -> bytes:
        lines = [*(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body


def split_parts(body: bytes, boundary: str) -> list[Part]:
    """The parts of a multipart body; what stands before the first and after the last delimiter is nobody's.

    Raises ParseError for a body that does not close, has no parts, or more than MAX_PARTS."""
    if not _boundary.fullmatch(boundary):
        raise ParseError("Bad Boundary")
    delimiter = re.compile(rb"(?:\A|\r\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r\n|\Z)")
    parts: list[Part] = []
    start: int | None = None
    for match in delimiter.finditer(body):
        if start is not None:
            parts.append(_parse_part(body[start : match.start()]))
        if match.group(1):
            if not parts:
                break
            return parts
        if len(parts) == MAX_PARTS:
            raise ParseError("Too Many Parts", 513)
        start = match.end() + 2
    raise ParseError("Bad Multipart Body")


def join_parts(parts: list[Part], boundary: str) -> bytes:
    """The body of these parts. Raises ValueRefused if the boundary is none, or stands in a part."""
    mark = f"\r\n--{boundary}".encode()
    if not _boundary.fullmatch(boundary) or any(mark in b"\r\n" + bytes(part) for part in parts):
        raise ValueRefused("not a boundary of these parts")
    return (
        b"".join(b"--" + boundary.encode() + b"\r\n" + bytes(part) + b"\r\n" for part in parts) + mark[2:] + b"--\r\n"
    )


def _parse_part(data: bytes) -> Part:
    # A part without headers begins with the blank line itself (RFC 2046 §5.1).
    head, _, body = (b"", b"", data[2:]) if data.startswith(b"\r\n") else data.partition(b"\r\n\r\n")
    lines = unfold(head.split(b"\r\n")) if head else []
    fields, error = parse_fields(lines)
    if error is not None:
        raise error
    return Part(Headers(fields), body)
