"""The errors of SIP.

SipError
├── ParseError        what came is not SIP, or not SIP that we answer with success
│   └── FramingError  a stream can be followed no further: it is to be closed
└── ValueRefused      a value of our own would break out of its place in a message (header injection)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signaling.sip.messages.message import Request


class SipError(ValueError):
    """The root of the tree."""


class ParseError(SipError):
    """What came cannot be used. `status` and `phrase` are the answer that a request deserves; they never quote it."""

    def __init__(self, phrase: str, status: int = 400, request: "Request | None" = None) -> None:
        super().__init__(phrase)
        self.status = status
        self.phrase = phrase
        self.request = request
        """The fields that could be read, when there was at least a request line."""


class FramingError(ParseError):
    """The end of a message in a stream cannot be found (RFC 3261 §18.3)."""

    def __init__(self, phrase: str, status: int = 400, head: bytes = b"") -> None:
        super().__init__(phrase, status)
        self.head = head
        """The message up to its blank line, if it has come so far: enough for an answer."""


class ValueRefused(SipError):
    """A header value, a reason or a URI of ours contains CR, LF or what else has no place in it."""
