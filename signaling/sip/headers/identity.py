"""Who calls, as the network says it: P-Asserted-Identity and Privacy (RFC 3325, RFC 3323), Diversion (RFC 5806),
History-Info (RFC 7044)."""

from dataclasses import dataclass

from signaling.sip.errors import ParseError
from signaling.sip.headers.address import NameAddr
from signaling.sip.messages.grammar import is_token, split_list, unquote
from signaling.sip.messages.message import Headers

HIDING = frozenset({"id", "user", "header"})
"""Privacy values by which the caller's number is not to be shown to anybody."""
MAX_DIVERSIONS = 16


@dataclass(frozen=True, slots=True)
class Identity:
    """The repr names no one: what it has is for `Pii`."""

    asserted: tuple[NameAddr, ...] = ()
    """One sip URI and one tel URI at most: to be believed only of a trunk that may assert."""
    privacy: frozenset[str] = frozenset()
    diversions: tuple[NameAddr, ...] = ()
    """Who sent the call on, the last one first, each with its `reason` and `counter`."""
    history: tuple[NameAddr, ...] = ()
    """Whom the call was for, the first one first, each with its `index`."""

    def __repr__(self) -> str:
        return (
            f"<Identity {len(self.asserted)} asserted, {len(self.diversions)} diversions, {len(self.history)} history>"
        )

    @property
    def is_hidden(self) -> bool:
        return bool(self.privacy & HIDING)

    @property
    def number(self) -> str:
        """The asserted number, a tel URI before a sip URI; empty if nothing is asserted."""
        found = sorted(self.asserted, key=lambda address: address.uri.scheme != "tel")
        return found[0].uri.name if found else ""

    @property
    def diverted_from(self) -> str:
        """The number first called, before somebody sent the call on; empty if nobody did."""
        if self.diversions:
            return self.diversions[-1].uri.name
        return self.history[0].uri.name if len(self.history) > 1 else ""


NOBODY = Identity()


def read_identity(headers: Headers) -> Identity:
    """What can be read of it: a member that is malformed counts as not there, since a call is not lost for it."""
    schemes = {address.uri.scheme: address for address in reversed(_addresses(headers, "P-Asserted-Identity"))}
    return Identity(
        tuple(address for scheme, address in schemes.items() if scheme in ("sip", "sips", "tel")),
        read_privacy(headers),
        tuple(_addresses(headers, "Diversion")),
        tuple(address for address in _addresses(headers, "History-Info") if "index" in address.params),
    )


def read_called(headers: Headers) -> str:
    """The number in P-Called-Party-ID; empty if there is none that can be read."""
    found = _addresses(headers, "P-Called-Party-ID")
    return found[0].uri.name if found else ""


def read_privacy(headers: Headers) -> frozenset[str]:
    """The tokens of Privacy, which stand between semicolons (RFC 3323 §4.2)."""
    tokens = [unquote(token.strip(" \t")).lower() for value in headers.get_all("Privacy") for token in value.split(";")]
    return frozenset(token for token in tokens if is_token(token))


def _addresses(headers: Headers, name: str) -> list[NameAddr]:
    found: list[NameAddr] = []
    for value in headers.get_all(name):
        try:
            items = split_list(value)
        except ParseError:
            continue
        for item in items:
            try:
                found.append(NameAddr.parse(item))
            except ParseError:
                continue
    return found[:MAX_DIVERSIONS]
