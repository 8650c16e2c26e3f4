"""Via: the way that a request has come (RFC 3261 §20.42, RFC 3581)."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.grammar import HOST, NO_PARAMS, RECENT, TOKEN, Pairs, Params, is_token
from signaling.sip.messages.uri import format_host, parse_address

COOKIE = "z9hG4bK"
"""Marks a branch made by RFC 3261 §8.1.1.7: unique in the world."""

_via = re.compile(
    rf"SIP[ \t]*/[ \t]*([0-9]+\.[0-9]+)[ \t]*/[ \t]*({TOKEN})[ \t]+"
    rf"({HOST})(?:[ \t]*:[ \t]*([0-9]{{1,5}}))?[ \t]*(?:;(.*))?",
    re.DOTALL | re.I,
)


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
        return _parse(text)

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

    def renew(self, branch: str) -> "Via":
        """For the same request in another transaction."""
        return replace(self, params=self.params.replace("branch", COOKIE + branch))

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"SIP/{self.version}/{self.transport} {self.host}{port}{self.params}"


@lru_cache(RECENT)
def _parse(text: str) -> Via:
    match = _via.fullmatch(text)
    if match is None:
        raise ParseError("Bad Via")
    version, transport, host, port, params = match.groups()
    try:
        return Via(transport.upper(), host, int(port) if port else None, Params.parse(params or ""), version)
    except ValueRefused:
        raise ParseError("Bad Via") from None


def make_via(transport: str, local: tuple[str, int], branch: str) -> Via:
    """Of a request of ours; asks for the answer on the way it came (RFC 3581 §3), and over TLS to come that way with
    requests, too (RFC 5923)."""
    alias: Pairs = (("alias", None),) if transport == "tls" else ()
    params = Params((("branch", COOKIE + branch), ("rport", None), *alias))
    return Via(transport.upper(), format_host(local[0]), local[1], params)
