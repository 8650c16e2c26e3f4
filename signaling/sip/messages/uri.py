"""SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966). Other schemes are kept as they are."""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.grammar import HOST, NO_PARAMS, RECENT, Params

_scheme = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.+)", re.DOTALL)
_userinfo = re.compile(r"(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/:#]|%[0-9A-Fa-f]{2})+")
_hostport = re.compile(rf"({HOST})(?::([0-9]{{1,5}}))?")
_headers = re.compile(r"[A-Za-z0-9\-_.!~*'()\[\]/?:+$=&%]*")
_opaque = re.compile(r"[!#-;=?-~]+")


@dataclass(frozen=True, slots=True)
class Uri:
    """`scheme:user@host:port;params?headers`; other schemes have their whole rest in `user` and no host."""

    scheme: str
    """In lower case."""
    user: str
    """As on the wire, %-escapes and all; with the password, if there is one; empty if there is none."""
    host: str = ""
    """A name, an IPv4 address, or an IPv6 address in brackets."""
    port: int | None = None
    params: Params = NO_PARAMS
    headers: str = ""

    def __post_init__(self) -> None:
        if self.scheme not in ("sip", "sips"):
            good = not self.host and _opaque.fullmatch(self.user) is not None
        else:
            good = _is_host(self.host) and (not self.user or _userinfo.fullmatch(self.user) is not None)
        if not good or not _headers.fullmatch(self.headers) or not 0 <= (self.port or 0) <= 65535:
            raise ValueRefused("not a URI")
        if any(value is not None and value[0] == '"' for _, value in self.params.pairs):
            # Quoted strings belong to header parameters; here one could bring a space into a request line.
            raise ValueRefused("not a URI")

    @classmethod
    def parse(cls, text: str) -> "Uri":
        """Raises ParseError."""
        return _parse(text)

    @property
    def name(self) -> str:
        """The user part or tel number as a person would write it: unescaped, without parameters and password."""
        return readable(unquote_to_bytes(re.split("[;:]", self.user)[0].encode("utf-8", "surrogateescape")))

    def __str__(self) -> str:
        if self.scheme not in ("sip", "sips"):
            return f"{self.scheme}:{self.user}"
        user = f"{self.user}@" if self.user else ""
        port = "" if self.port is None else f":{self.port}"
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{self.host}{port}{self.params}{headers}"


def readable(data: bytes) -> str:
    """Text for people and databases: no control characters, no broken UTF-8."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in data.decode("utf-8", "replace"))


def format_host(address: str) -> str:
    """An address as it stands in a URI or a Via: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def parse_address(host: str) -> str | None:
    """The numeric address that a URI's host is, without brackets; None for a name."""
    try:
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        return None


def _is_host(host: str) -> bool:
    return re.fullmatch(HOST, host) is not None and (host[0] != "[" or parse_address(host) is not None)


@lru_cache(RECENT)
def _parse(text: str) -> Uri:
    match = _scheme.fullmatch(text)
    if match is None:
        raise ParseError("Bad URI")
    scheme, rest = match.group(1).lower(), match.group(2)
    try:
        return _parse_sip(scheme, rest) if scheme in ("sip", "sips") else Uri(scheme, rest)
    except ValueRefused:
        raise ParseError("Bad URI") from None


def _parse_sip(scheme: str, rest: str) -> Uri:
    user, at, place = rest.rpartition("@")
    if at and not user:
        raise ParseError("Bad URI")
    place, _, headers = place.partition("?")
    hostport, _, params = place.partition(";")
    match = _hostport.fullmatch(hostport)
    if match is None:
        raise ParseError("Bad URI")
    port = int(match.group(2)) if match.group(2) else None
    return Uri(scheme, user, match.group(1), port, Params.parse(params), headers)
