"""The order of messages: CSeq (RFC 3261 §20.16), RSeq and RAck (RFC 3262 §7)."""

import re
from dataclasses import dataclass

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.grammar import TOKEN, is_token

MAX_CSEQ = 2**31 - 1
MAX_RSEQ = 2**32 - 1

_cseq = re.compile(rf"([0-9]{{1,10}})[ \t]+({TOKEN})")
_rack = re.compile(rf"([0-9]{{1,10}})[ \t]+([0-9]{{1,10}})[ \t]+({TOKEN})")
_rseq = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class CSeq:
    """The order of requests in a dialog (§20.16)."""

    number: int
    method: str

    def __post_init__(self) -> None:
        if not 0 <= self.number <= MAX_CSEQ or not is_token(self.method):
            raise ValueRefused("not a CSeq")

    @classmethod
    def parse(cls, text: str) -> "CSeq":
        """Raises ParseError."""
        match = _cseq.fullmatch(text)
        if match is None or int(match.group(1)) > MAX_CSEQ:
            raise ParseError("Bad CSeq")
        return cls(int(match.group(1)), match.group(2))

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@dataclass(frozen=True, slots=True)
class RAck:
    """Which reliable provisional answer a PRACK acknowledges (RFC 3262 §7.2)."""

    rseq: int
    number: int
    """The CSeq of the request that was answered,"""
    method: str
    """and its method."""

    def __post_init__(self) -> None:
        if not 1 <= self.rseq <= MAX_RSEQ or not 0 <= self.number <= MAX_CSEQ or not is_token(self.method):
            raise ValueRefused("not a RAck")

    @classmethod
    def parse(cls, text: str) -> "RAck":
        """Raises ParseError."""
        match = _rack.fullmatch(text)
        try:
            if match is not None:
                return cls(int(match.group(1)), int(match.group(2)), match.group(3))
        except ValueRefused:
            pass
        raise ParseError("Bad RAck")

    def __str__(self) -> str:
        return f"{self.rseq} {self.number} {self.method}"


def parse_rseq(text: str) -> int:
    """RSeq (RFC 3262 §7.1): from 1 on. Raises ParseError."""
    if not _rseq.fullmatch(text) or not 1 <= int(text) <= MAX_RSEQ:
        raise ParseError("Bad RSeq")
    return int(text)
