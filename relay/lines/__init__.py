"""The sockets of RTP legs, received from and sent to in batches: in C where it could be built, else in Python."""

import structlog

from relay.lines.plain import PlainLines
from relay.lines.table import Lines, Receiver, Way
from relay.transport.srtp import IS_NATIVE

__all__ = ["Lines", "Receiver", "Way", "make_lines"]

log = structlog.get_logger()


def make_lines() -> Lines:
    """The fastest lines that this installation has."""
    try:
        from relay.lines.native import NativeLines
    except ImportError:
        log.warning("! the extension relay.lines._native is not built: packets cost about twice as much")
        return PlainLines()
    if not IS_NATIVE:
        log.warning("! the extension relay.transport._srtp is not built (nettle-dev): libsrtp costs more")
    return NativeLines()
