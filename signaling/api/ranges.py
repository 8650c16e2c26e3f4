"""Byte ranges (RFC 9110, section 14). Pure."""

import re
from typing import NamedTuple

from signaling.api.errors import RangeNotSatisfiable

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII | re.IGNORECASE)


class Span(NamedTuple):
    """Bytes from `start`, without `end`."""

    start: int
    end: int


def span_of(header: str | None, total: int) -> Span | None:
    """The one range that is asked for; None: the whole, also for what is no range of bytes, or several (14.2).

    Raises RangeNotSatisfiable."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0].endswith("=-"):
        return None
    first, last = match[1], match[2]
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, total - int(last))
    if start >= total:
        raise RangeNotSatisfiable(total)
    return Span(start, min(int(last) + 1, total) if first and last else total)
