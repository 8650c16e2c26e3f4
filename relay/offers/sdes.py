"""SRTP keys in session descriptions (RFC 4568): the a=crypto attribute. Pure."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from relay.errors import BadSdp
from relay.transport.srtp import SUITES, Suite
from vault.pii import Pii

_CRYPTO = re.compile(r"([0-9]{1,9}) +(\S+) +(inline:\S+)(?: +(.*))?")
# key||salt, then optionally a lifetime; an MKI (1:4) is not supported, so that keys with one do not match.
_INLINE = re.compile(r"inline:([A-Za-z0-9+/]+={0,2})(?:\|(?:2\^)?[0-9]+)?")


@dataclass(frozen=True)
class Crypto:
    tag: int
    suite: Suite
    key: Pii[bytes]
    """Master key and salt of what the side that says this line sends."""

    @classmethod
    def parse(cls, value: str) -> "Crypto | None":
        """The line's meaning; None for a suite or a parameter that we have not, which is no error in an offer.

        Raises BadSdp for a line that breaks the grammar or whose key has not the suite's length."""
        match = _CRYPTO.fullmatch(value)
        if match is None:
            raise BadSdp("a=crypto is malformed")
        tag, name, parameters, options = match.groups()
        inline = _INLINE.fullmatch(parameters)
        if name not in SUITES or inline is None or not _acceptable(options or ""):
            return None
        return cls(int(tag), SUITES[name], Pii(_key(inline[1], SUITES[name].key_size)))

    @classmethod
    def generate(cls, tag: int, suite: Suite) -> "Crypto":
        return cls(tag, suite, suite.new_key())

    def value(self) -> str:
        """The attribute's value, the key in clear."""
        return f"{self.tag} {self.suite.name} inline:{base64.b64encode(self.key.reveal()).decode()}"


def usable(values: Iterable[str]) -> tuple[Crypto, ...]:
    """Of the a=crypto lines those that we can use, in their order. Raises BadSdp."""
    return tuple(crypto for value in values if (crypto := Crypto.parse(value)) is not None)


def _acceptable(options: str) -> bool:
    # Section 6.3: WSH is a hint, and what begins with a dash may be ignored; everything else changes the packets.
    return all(option.startswith(("WSH=", "-")) for option in options.split())


def _key(text: str, size: int) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise BadSdp("a=crypto: key is not base64") from None
    if len(key) != size:
        raise BadSdp("a=crypto: key has not the suite's length")
    return key
