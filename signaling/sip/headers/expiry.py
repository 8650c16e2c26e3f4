"""Spans of time: Session-Expires and Min-SE (RFC 4028 §4, §5), Expires and Retry-After (RFC 3261 §20.19, §20.33)."""

import re
from dataclasses import dataclass
from typing import Literal, cast

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.grammar import NO_PARAMS, Params

MAX_SECONDS = 2**32 - 1

Refresher = Literal["uac", "uas"]

_seconds = re.compile(r"[0-9]{1,10}")
_comment = re.compile(r"\((?:[^()\\]|\\.)*\)", re.DOTALL)


def parse_seconds(text: str) -> int:
    """Delta-seconds, below 2**32. Raises ParseError."""
    if not _seconds.fullmatch(text) or int(text) > MAX_SECONDS:
        raise ParseError("Bad Time Span")
    return int(text)


def parse_retry_after(text: str) -> int:
    """The seconds of Retry-After, without its comment and parameters. Raises ParseError."""
    return parse_seconds(_comment.sub("", text.partition(";")[0]).strip(" \t"))


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """How long a session may go on without a refresh, and whose request is the refresh."""

    seconds: int
    refresher: Refresher | None = None
    """The side of the request that this header is of, or answers; None: left to the called side."""
    others: Params = NO_PARAMS

    def __post_init__(self) -> None:
        if not 0 <= self.seconds <= MAX_SECONDS or self.refresher not in (None, "uac", "uas"):
            raise ValueRefused("not a Session-Expires")
        if "refresher" in self.others:
            raise ValueRefused("a second refresher")

    @classmethod
    def parse(cls, text: str) -> "SessionExpires":
        """Raises ParseError."""
        seconds, _, params = text.partition(";")
        pairs = Params.parse(params)
        refresher = pairs.get("refresher")
        if "refresher" in pairs and (refresher or "").lower() not in ("uac", "uas"):
            raise ParseError("Bad Session-Expires")
        others = Params(tuple(pair for pair in pairs.pairs if pair[0] != "refresher"))
        side = cast(Refresher, refresher.lower()) if refresher is not None else None
        return cls(parse_seconds(seconds.strip(" \t")), side, others)

    def __str__(self) -> str:
        side = f";refresher={self.refresher}" if self.refresher is not None else ""
        return f"{self.seconds}{side}{self.others}"


def parse_min_se(text: str) -> int:
    """The least span that a side accepts, in seconds. Raises ParseError."""
    seconds, _, params = text.partition(";")
    Params.parse(params)
    return parse_seconds(seconds.strip(" \t"))
