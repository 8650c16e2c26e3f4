"""Messages out of a stream (RFC 3261 §18.3, RFC 5626 §3.5.1)."""

import re
from collections.abc import Iterator

from signaling.sip.errors import FramingError
from signaling.sip.messages.message import MAX_LINE, MAX_MESSAGE, parse_length, unfold

PING = b"\r\n\r\n"
"""Keep-alive between messages; the answer is one CRLF."""

_breaks = re.compile(rb"(?:(?!\r\n\r\n|\r(?:\n\r?)?\Z)[\r\n])++")
"""Line ends between messages that are no PING and cannot become one."""
_length = re.compile(rb"(?:content-length|l)[ \t]*:[ \t]*(.*)", re.I)
_version = re.compile(rb"(?:^|\s)SIP/[0-9]", re.I)


class StreamFramer:
    """Cuts by Content-Length and reads no other header: a malformed message costs an answer, not the connection. What
    does not name SIP in its first line is no message: the one before it was longer than it said, or the peer speaks
    something else, and where the next one begins nobody knows."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        """No end of headers before here."""
        self._total = 0
        """Octets of the message that is coming; 0 while its headers are."""
        self._is_started = False
        """Its first line is one of SIP."""

    @property
    def is_within(self) -> bool:
        """A message has begun and not ended."""
        return bool(self._buffer) and self._buffer[0] not in b"\r\n"

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Whole messages, and PING for each keep-alive. Raises FramingError: the stream can be followed no further."""
        self._buffer += data
        while self._buffer:
            if not self._total and self._buffer[0] in b"\r\n":
                if len(self._buffer) < len(PING) and PING.startswith(self._buffer):
                    return
                if self._buffer.startswith(PING):
                    yield self._cut(len(PING))
                elif lone := _breaks.match(self._buffer):
                    size = lone.end()
                    del lone  # it holds the buffer, which could not shrink
                    self._cut(size)
                continue
            if not self._is_complete():
                return
            yield self._cut(self._total)

    def _is_complete(self) -> bool:
        if not self._total:
            self._check_start()
            end = self._buffer.find(b"\r\n\r\n", self._searched)
            if end >= 0:
                self._total = end + 4 + content_length(bytes(self._buffer[:end]))
            self._searched = max(0, len(self._buffer) - 3)
        if max(self._total, len(self._buffer) if not self._total else 0) > MAX_MESSAGE:
            head, blank, _ = bytes(self._buffer[:MAX_MESSAGE]).partition(b"\r\n\r\n")
            raise FramingError("Message Too Large", 513, head + blank if blank else b"")
        return 0 < self._total <= len(self._buffer)

    def _check_start(self) -> None:
        """Once, when the first line is whole or too long to be one."""
        if self._is_started:
            return
        end = self._buffer.find(b"\r\n", self._searched, MAX_LINE + 2)
        if end < 0 and len(self._buffer) < MAX_LINE + 2:
            return
        if end < 0 or not _version.search(self._buffer, 0, end):
            raise FramingError("Bad Start Line")
        self._is_started = True

    def _cut(self, size: int) -> bytes:
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._searched = self._total = 0
        self._is_started = False
        return piece


def content_length(head: bytes) -> int:
    """How long the body is, by the headers of a message in a stream. Raises FramingError unless they say so."""
    matches = [_length.fullmatch(line) for line in unfold(head.split(b"\r\n"))]
    length = parse_length([match.group(1).decode("latin-1") for match in matches if match])
    if length is None:
        raise FramingError("Bad Content-Length", head=head + b"\r\n\r\n")
    return length
