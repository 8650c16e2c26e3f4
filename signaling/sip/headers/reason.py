"""Reason: why a request was sent, or a call ended (RFC 3326, RFC 6432)."""

import re
from dataclasses import dataclass

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.grammar import Params, is_token, quote, unquote

_cause = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Reason:
    protocol: str
    """`SIP`: the cause is a status. `Q.850`: the cause of a telephone network."""
    cause: int | None = None
    text: str = ""

    def __post_init__(self) -> None:
        if not is_token(self.protocol) or not 0 <= (self.cause or 0) <= 999:
            raise ValueRefused("not a Reason")
        quote(self.text)

    @classmethod
    def parse(cls, text: str) -> "Reason":
        """Parameters of extensions are not kept. Raises ParseError."""
        protocol, _, rest = text.partition(";")
        params = Params.parse(rest)
        cause = params.get("cause")
        if not is_token(protocol.strip(" \t")) or (cause is not None and not _cause.fullmatch(cause)):
            raise ParseError("Bad Reason")
        return cls(
            protocol.strip(" \t"), int(cause) if cause is not None else None, unquote(params.get("text") or "")
        )  # fmt: skip

    def __str__(self) -> str:
        cause = f";cause={self.cause}" if self.cause is not None else ""
        return self.protocol + cause + (f";text={quote(self.text)}" if self.text else "")
