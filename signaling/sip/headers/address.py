"""Addresses with a name: From, To, Contact, Route, Record-Route, Refer-To, Referred-By (RFC 3261 §20, RFC 3515)."""

import re
from dataclasses import dataclass
from functools import lru_cache

from signaling.sip.errors import ParseError
from signaling.sip.messages.grammar import NO_PARAMS, QUOTED, RECENT, TOKEN, Params, quote, refuse_breaks, unquote
from signaling.sip.messages.uri import Uri

_bracketed = re.compile(rf"({QUOTED}|(?:{TOKEN}(?:[ \t]+{TOKEN})*)?)[ \t]*<([^<>]*)>[ \t]*(?:;(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """`"Display name" <uri>;params`: From, To, Contact, Route, Record-Route."""

    uri: Uri
    display: str = ""
    params: Params = NO_PARAMS

    def __post_init__(self) -> None:
        refuse_breaks(self.display)

    @classmethod
    def parse(cls, text: str) -> "NameAddr":
        """Raises ParseError. Without brackets, what follows a semicolon is the header's and not the URI's (§20.10)."""
        return _parse(text)

    @property
    def tag(self) -> str | None:
        return self.params.get("tag")

    def __str__(self) -> str:
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{self.params}"


@lru_cache(RECENT)
def _parse(text: str) -> NameAddr:
    match = _bracketed.fullmatch(text)
    if match is not None:
        display, uri, params = match.groups()
        return NameAddr(Uri.parse(uri), unquote(display.strip(" \t")), Params.parse(params or ""))
    bare, _, params = text.partition(";")
    if "?" in bare or "," in bare:
        raise ParseError("Bad Address")
    return NameAddr(Uri.parse(bare.strip(" \t")), "", Params.parse(params))
