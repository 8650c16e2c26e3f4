"""What a peer has said that it can (RFC 3261 §20.5, §20.37)."""

from dataclasses import dataclass

from signaling.sip.errors import ParseError
from signaling.sip.messages.message import Headers


@dataclass(frozen=True, slots=True)
class Abilities:
    methods: frozenset[str] = frozenset()
    """Allow."""
    extensions: frozenset[str] = frozenset()
    """Supported and Require, in lower case."""

    @classmethod
    def read(cls, headers: Headers) -> "Abilities":
        """What cannot be read is not there."""
        try:
            tags = [*headers.items("Supported"), *headers.items("Require")]
            return cls(frozenset(headers.items("Allow")), frozenset(tag.lower() for tag in tags))
        except ParseError:
            return cls()

    def update(self, headers: Headers) -> "Abilities":
        """With what a later message says; what it leaves out is as before."""
        later = Abilities.read(headers)
        return Abilities(later.methods or self.methods, later.extensions or self.extensions)


NONE_KNOWN = Abilities()
