"""Digest challenges and their answers: WWW-Authenticate, Proxy-Authenticate, Authorization, Proxy-Authorization
(RFC 3261 §20.7, §20.27, §20.28, §20.44; RFC 7616 §3.3, §3.4; RFC 8760)."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.grammar import is_token, quote, split_list, unquote
from signaling.sip.messages.message import Headers

MAX_COUNT = 2**32 - 1
MAX_VALUES = 16
"""Of one header in one message: more are not looked at."""

Value = TypeVar("Value")

_digest = re.compile(r"Digest[ \t]+(.*)", re.I | re.DOTALL)
_hex = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_count = re.compile(r"[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class Challenge:
    """`Digest realm="…", nonce="…"`: who wants to know, and what the answer must contain."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    """In upper case; what stands for none is MD5 (RFC 7616 §3.3)."""
    qop: tuple[str, ...] = ()
    """What may be protected, `auth` or `auth-int`; empty: a legacy challenge, whose answers have no count."""
    opaque: str | None = None
    """To be given back as it is."""
    stale: bool = False
    """The password was right and only the nonce too old."""

    def __post_init__(self) -> None:
        if not self.nonce or not all(map(is_token, (self.algorithm, *self.qop))):
            raise ValueRefused("not a challenge")
        quote(self.realm + self.nonce + (self.opaque or ""))

    @classmethod
    def parse(cls, text: str) -> "Challenge":
        """Parameters that we have no use for are not kept. Raises ParseError, for other schemes than Digest too."""
        params = _parse_digest(text)
        options = tuple(option.lower() for option in split_list(params.get("qop", "")) if option)
        try:
            return cls(
                params["realm"], params["nonce"], params.get("algorithm", "MD5").upper(), options,
                params.get("opaque"), params.get("stale", "").lower() == "true",
            )  # fmt: skip
        except (KeyError, ValueRefused):
            raise ParseError("Bad Challenge") from None

    def __str__(self) -> str:
        pairs = [("realm", quote(self.realm)), ("nonce", quote(self.nonce)), ("algorithm", self.algorithm)]
        if self.qop:
            pairs.append(("qop", quote(",".join(self.qop))))
        if self.opaque is not None:
            pairs.append(("opaque", quote(self.opaque)))
        if self.stale:
            pairs.append(("stale", "true"))
        return _write(pairs)


@dataclass(frozen=True, slots=True)
class Usage:
    """How often a client has used a nonce, this time included, and what it adds of its own (RFC 7616 §3.4)."""

    count: int
    cnonce: str
    qop: str = "auth"

    def __post_init__(self) -> None:
        if not 0 <= self.count <= MAX_COUNT or not is_token(self.qop):
            raise ValueRefused("not a usage of a nonce")
        quote(self.cnonce)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The answer to a challenge. The repr names no one."""

    user: str = field(repr=False)
    realm: str
    nonce: str
    uri: str = field(repr=False)
    """The Request-URI that was protected."""
    response: str = field(repr=False)
    """The digest, in lower-case hexadecimal; empty while it is not computed."""
    algorithm: str = "MD5"
    usage: Usage | None = None
    """None: the legacy form without qop."""
    opaque: str | None = None

    def __post_init__(self) -> None:
        if not self.nonce or not is_token(self.algorithm) or (self.response and not _hex.fullmatch(self.response)):
            raise ValueRefused("not credentials")
        quote(self.user + self.realm + self.nonce + self.uri + (self.opaque or ""))

    @classmethod
    def parse(cls, text: str) -> "Credentials":
        """Raises ParseError, for other schemes than Digest too."""
        params = _parse_digest(text)
        try:
            if not _hex.fullmatch(params["response"]):
                raise ParseError("Bad Credentials")
            return cls(
                params["username"], params["realm"], params["nonce"], params["uri"], params["response"].lower(),
                params.get("algorithm", "MD5").upper(), _read_usage(params), params.get("opaque"),
            )  # fmt: skip
        except (KeyError, ValueRefused):
            raise ParseError("Bad Credentials") from None

    def __str__(self) -> str:
        pairs = [
            ("username", quote(self.user)), ("realm", quote(self.realm)), ("nonce", quote(self.nonce)),
            ("uri", quote(self.uri)), ("response", quote(self.response)), ("algorithm", self.algorithm),
        ]  # fmt: skip
        if self.usage is not None:
            usage = self.usage
            pairs += [("qop", usage.qop), ("nc", f"{usage.count:08x}"), ("cnonce", quote(usage.cnonce))]
        if self.opaque is not None:
            pairs.append(("opaque", quote(self.opaque)))
        return _write(pairs)


def read_challenges(headers: Headers, name: str) -> list[Challenge]:
    """Those of WWW-Authenticate or Proxy-Authenticate that can be read: others are for somebody else to answer."""
    return _read(headers, name, Challenge.parse)


def read_credentials(headers: Headers, name: str, realm: str) -> Credentials | None:
    """Those of Authorization or Proxy-Authorization that are for a realm (RFC 3261 §22.3); None if there are none."""
    return next((found for found in _read(headers, name, Credentials.parse) if found.realm == realm), None)


def _read(headers: Headers, name: str, parse: Callable[[str], Value]) -> list[Value]:
    found: list[Value] = []
    for text in headers.get_all(name)[:MAX_VALUES]:
        with suppress(ParseError):
            found.append(parse(text))
    return found


def _parse_digest(text: str) -> dict[str, str]:
    match = _digest.fullmatch(text.strip(" \t"))
    if match is None:
        raise ParseError("Not Digest")
    params: dict[str, str] = {}
    for item in split_list(match.group(1)):
        name, equals, value = item.partition("=")
        name = name.strip(" \t").lower()
        if not equals or not is_token(name) or name in params:
            # A parameter that is there twice would mean one thing to us and another to a proxy before us.
            raise ParseError("Bad Digest Parameter")
        params[name] = unquote(value.strip(" \t"))
    return params


def _read_usage(params: Mapping[str, str]) -> Usage | None:
    """Raises ParseError, and KeyError if a part of it is missing."""
    if "qop" not in params:
        return None
    if not _count.fullmatch(params["nc"]):
        raise ParseError("Bad Nonce Count")
    return Usage(int(params["nc"], 16), params["cnonce"], params["qop"].lower())


def _write(pairs: list[tuple[str, str]]) -> str:
    return "Digest " + ", ".join(f"{name}={value}" for name, value in pairs)
