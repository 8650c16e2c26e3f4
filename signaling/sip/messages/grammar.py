"""Fragments of the grammar of RFC 3261 §25.1 and what is done with them: split lists, read parameters, quote."""

import re
from dataclasses import dataclass

from signaling.sip.errors import ParseError, ValueRefused

TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]+"
QUOTED = r'"(?:[^"\\]|\\.)*"'
HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-_.]+"

_token = re.compile(TOKEN)
_quoted = re.compile(QUOTED, re.DOTALL)
_value = re.compile(rf"{QUOTED}|[^\s\x00-\x1f\x7f\",;<>]+", re.DOTALL)
_atoms = re.compile(rf'{QUOTED}|<[^<>]*>|[,;]|[^,;"<>]+|.', re.DOTALL)
_grouping = re.compile(r'["<>]')
_breaks = re.compile(r"[\r\n]")

RECENT = 256
"""Values whose parsed form is kept: the same ones stand in a message, and in those that follow it, several times."""

Pairs = tuple[tuple[str, str | None], ...]


def is_token(text: str) -> bool:
    return _token.fullmatch(text) is not None


def refuse_breaks(text: str) -> str:
    """The text itself. Raises ValueRefused if it has CR or LF: the one place that makes header injection impossible."""
    if _breaks.search(text):
        raise ValueRefused("a line break in a header value")
    return text


def split_list(text: str, separator: str = ",") -> list[str]:
    """The stripped items between separators (`,` or `;`) outside quotes and brackets. Raises ParseError."""
    if not _grouping.search(text):
        return [item.strip(" \t") for item in text.split(separator)]
    items = [""]
    for match in _atoms.finditer(text):
        atom = match.group()
        if atom in ('"', "<", ">"):
            raise ParseError("Unbalanced Quote Or Bracket")
        if atom == separator:
            items.append("")
        else:
            items[-1] += atom
    return [item.strip(" \t") for item in items]


def quote(text: str) -> str:
    return '"' + refuse_breaks(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str:
    """The content of a quoted string; other text as it is."""
    if _quoted.fullmatch(text):
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text


@dataclass(frozen=True, slots=True)
class Params:
    """`;name=value` in order; names are in lower case, values as they stand on the wire, None where there is no `=`."""

    pairs: Pairs = ()

    def __post_init__(self) -> None:
        for name, value in self.pairs:
            if not is_token(name) or (value is not None and not _value.fullmatch(refuse_breaks(value))):
                raise ValueRefused("not a parameter")

    @classmethod
    def parse(cls, text: str) -> "Params":
        """Reads what follows the first semicolon. Raises ParseError."""
        if not text.strip(" \t"):
            return cls()
        try:
            return cls(tuple(_pair(item) for item in split_list(text, ";")))
        except ValueRefused:
            raise ParseError("Bad Parameter") from None

    def __contains__(self, name: str) -> bool:
        return any(known == name for known, _ in self.pairs)

    def get(self, name: str) -> str | None:
        return next((value for known, value in self.pairs if known == name), None)

    def replace(self, name: str, value: str | None) -> "Params":
        """With that value, in its old place or at the end."""
        pair = (name, value)
        if name in self:
            return Params(tuple(pair if known == name else (known, old) for known, old in self.pairs))
        return Params((*self.pairs, pair))

    def __str__(self) -> str:
        return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.pairs)


NO_PARAMS = Params()


def _pair(item: str) -> tuple[str, str | None]:
    name, equals, value = item.partition("=")
    return name.strip(" \t").lower(), value.strip(" \t") if equals else None
