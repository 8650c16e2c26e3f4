"""Replaces: the dialog whose place a new call takes (RFC 3891 §6.1)."""

import re
from dataclasses import dataclass
from urllib.parse import quote as escape

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.grammar import Params, is_token

_call_id = re.compile(r"[!-+\--:<-~]+")
"""Printable, without comma and semicolon: what stands before the first parameter."""


@dataclass(frozen=True, slots=True)
class Replaces:
    call_id: str
    to_tag: str
    """Of the side that gets the request,"""
    from_tag: str
    """and of the other."""
    early_only: bool = False
    """Only a dialog that is not answered yet may be replaced."""

    def __post_init__(self) -> None:
        if not _call_id.fullmatch(self.call_id) or not is_token(self.to_tag) or not is_token(self.from_tag):
            raise ValueRefused("not a Replaces")

    @classmethod
    def parse(cls, text: str) -> "Replaces":
        """Raises ParseError."""
        call_id, _, rest = text.partition(";")
        params = Params.parse(rest)
        names = [name for name, _ in params.pairs]
        if names.count("to-tag") != 1 or names.count("from-tag") != 1:
            raise ParseError("Bad Replaces")
        to_tag, from_tag = params.get("to-tag") or "", params.get("from-tag") or ""
        try:
            return cls(call_id.strip(" \t"), to_tag, from_tag, "early-only" in params)
        except ValueRefused:
            raise ParseError("Bad Replaces") from None

    def escaped(self) -> str:
        """As a header of a URI, in Refer-To."""
        return "Replaces=" + escape(str(self), safe="")

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"
