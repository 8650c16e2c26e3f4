"""The header values that are more than text: name-addr, Via, CSeq (RFC 3261 §20)."""

import re
from dataclasses import dataclass, replace

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.grammar import HOST, NO_PARAMS, QUOTED, TOKEN, Params, is_token, quote, refuse_breaks, unquote
from signaling.sip.uri import Uri, format_host, parse_address

MAX_CSEQ = 2**31 - 1
COOKIE = "z9hG4bK"
"""Marks a branch made by RFC 3261 §8.1.1.7: unique in the world."""

_bracketed = re.compile(rf"({QUOTED}|(?:{TOKEN}(?:[ \t]+{TOKEN})*)?)[ \t]*<([^<>]*)>[ \t]*(?:;(.*))?", re.DOTALL)
_via = re.compile(
    rf"SIP[ \t]*/[ \t]*([0-9]+\.[0-9]+)[ \t]*/[ \t]*({TOKEN})[ \t]+"
    rf"({HOST})(?:[ \t]*:[ \t]*([0-9]{{1,5}}))?[ \t]*(?:;(.*))?",
    re.DOTALL | re.I,
)
_cseq = re.compile(rf"([0-9]{{1,10}})[ \t]+({TOKEN})")


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
        match = _bracketed.fullmatch(text)
        if match is not None:
            display, uri, params = match.groups()
            return cls(Uri.parse(uri), unquote(display.strip(" \t")), Params.parse(params or ""))
        bare, _, params = text.partition(";")
        if "?" in bare or "," in bare:
            raise ParseError("Bad Address")
        return cls(Uri.parse(bare.strip(" \t")), "", Params.parse(params))

    @property
    def tag(self) -> str | None:
        return self.params.get("tag")

    def __str__(self) -> str:
        display = f"{quote(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{self.params}"


@dataclass(frozen=True, slots=True)
class Via:
    """One hop of a request (§20.42)."""

    transport: str
    """In upper case."""
    host: str
    port: int | None = None
    params: Params = NO_PARAMS
    version: str = "2.0"
    """Of SIP: another one is answered 505, to whom it names."""

    def __post_init__(self) -> None:
        if not is_token(self.transport) or not re.fullmatch(HOST, self.host) or not 0 <= (self.port or 0) <= 65535:
            raise ValueRefused("not a Via")

    @classmethod
    def parse(cls, text: str) -> "Via":
        """Raises ParseError."""
        match = _via.fullmatch(text)
        if match is None:
            raise ParseError("Bad Via")
        version, transport, host, port, params = match.groups()
        try:
            return cls(transport.upper(), host, int(port) if port else None, Params.parse(params or ""), version)
        except ValueRefused:
            raise ParseError("Bad Via") from None

    @property
    def branch(self) -> str:
        return self.params.get("branch") or ""

    def stamp(self, remote: tuple[str, int]) -> "Via":
        """With where the request really came from (§18.2.1, RFC 3581 §4)."""
        params = self.params
        if "rport" in params:
            params = params.replace("rport", str(remote[1]))
        if "rport" in params or parse_address(self.host) != remote[0]:
            params = params.replace("received", remote[0])
        return replace(self, params=params)

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/{self.version}/{self.transport} {self.host}{port}{self.params}"


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


def make_via(transport: str, local: tuple[str, int], branch: str) -> Via:
    """Of a request of ours; asks for the answer on the way it came (RFC 3581 §3)."""
    return Via(
        transport.upper(), format_host(local[0]), local[1], Params((("branch", COOKIE + branch), ("rport", None)))
    )
