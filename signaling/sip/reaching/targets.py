"""Where calls of a trunk go: a host, perhaps a port, perhaps a transport."""

import re
from dataclasses import dataclass

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.flow import Transport
from signaling.sip.messages.grammar import NO_PARAMS, Params
from signaling.sip.messages.uri import Uri, format_host, parse_address

_transport = re.compile(r"(?:udp|tcp|tls)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    """A name, or an address without brackets."""
    port: int | None = None
    transport: Transport | None = None

    @classmethod
    def parse(cls, text: str) -> "Target":
        """`host[:port][;transport=udp|tcp|tls]`. Raises ParseError."""
        try:
            uri = Uri.parse(f"sip:{text}")
        except ValueRefused:
            raise ParseError("Bad target") from None
        names = [name.lower() for name, _ in uri.params.pairs]
        transport = (uri.params.get("transport") or "") if names else None
        if uri.user or uri.headers or uri.port == 0 or names not in ([], ["transport"]):
            raise ParseError("Bad target")
        if transport is not None and not _transport.fullmatch(transport):
            raise ParseError("Bad target")
        wanted: dict[str, Transport] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}
        return cls(
            parse_address(uri.host) or uri.host, uri.port, wanted[transport.lower()] if transport is not None else None
        )  # fmt: skip


def called_uri(number: str, host: str, port: int | None, transport: Transport) -> Uri:
    """The address of a number at a host, which is a name or an address without brackets. Raises ValueRefused."""
    params = Params((("transport", transport),)) if transport == "tcp" else NO_PARAMS
    return Uri("sip", user_of(number), format_host(host), port, params)


def user_of(number: str) -> str:
    """A number as it stands in a URI (RFC 3261 §19.1.2)."""
    return number.replace("#", "%23")
