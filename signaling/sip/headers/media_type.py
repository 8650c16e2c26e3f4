"""What a body is: Content-Type, Accept, Content-Disposition (RFC 3261 §20.1, §20.11, §20.15)."""

import re
from dataclasses import dataclass

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.grammar import NO_PARAMS, TOKEN, Params, is_token, unquote

_type = re.compile(rf"({TOKEN})[ \t]*/[ \t]*({TOKEN})[ \t]*(?:;(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MediaType:
    kind: str
    """In lower case, as the subtype."""
    subtype: str
    params: Params = NO_PARAMS

    def __post_init__(self) -> None:
        if not is_token(self.kind) or not is_token(self.subtype):
            raise ValueRefused("not a media type")

    @classmethod
    def parse(cls, text: str) -> "MediaType":
        """Raises ParseError."""
        match = _type.fullmatch(text.strip(" \t"))
        if match is None:
            raise ParseError("Bad Media Type")
        return cls(match.group(1).lower(), match.group(2).lower(), Params.parse(match.group(3) or ""))

    @property
    def name(self) -> str:
        """Without parameters."""
        return f"{self.kind}/{self.subtype}"

    @property
    def boundary(self) -> str | None:
        """Between the parts of a multipart body (RFC 2046 §5.1.1)."""
        value = self.params.get("boundary")
        return unquote(value) if value is not None else None

    def admits(self, name: str) -> bool:
        """Whether this, as a member of Accept, takes a body of that name."""
        kind, _, subtype = name.partition("/")
        return self.kind in ("*", kind) and self.subtype in ("*", subtype)

    def __str__(self) -> str:
        return f"{self.name}{self.params}"


@dataclass(frozen=True, slots=True)
class Disposition:
    """What a part is for: `session` is the offer or answer."""

    kind: str
    required: bool = True
    """One who does not understand the part must refuse the message (`handling`)."""

    @classmethod
    def parse(cls, text: str) -> "Disposition":
        """Raises ParseError."""
        kind, _, rest = text.partition(";")
        if not is_token(kind.strip(" \t")):
            raise ParseError("Bad Content-Disposition")
        return cls(kind.strip(" \t").lower(), (Params.parse(rest).get("handling") or "").lower() != "optional")

    def __str__(self) -> str:
        return self.kind if self.required else f"{self.kind};handling=optional"
