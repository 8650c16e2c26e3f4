"""Everything that ends a call otherwise than by answer and hang-up, each with the exit status of `telephonist call`.

CallError
├── BadArgument    2   a file that cannot be read, a digit that is none
├── Rejected       3   a final SIP status of 300 or more
├── NoAnswer       4   nobody answered in time
├── Unreachable    5   no connection, no answer to INVITE at all, TLS refused
└── MediaError     6   answered with media that we cannot use
PacketError (ValueError), SdpError (ValueError): what the parsers raise, and nothing else.
"""


class CallError(Exception):
    """The message is one line for the person who placed the call, and says what to do."""

    exit_status = 1


class BadArgument(CallError):
    exit_status = 2


class Rejected(CallError):
    exit_status = 3

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class NoAnswer(CallError):
    exit_status = 4


class Unreachable(CallError):
    exit_status = 5


class MediaError(CallError):
    exit_status = 6


class PacketError(ValueError):
    """Not an RTP or RTCP packet."""


class SdpError(ValueError):
    """Not a session description that we can use; the message says why."""
