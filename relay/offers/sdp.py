"""Session descriptions (RFC 8866): lines to values and back. What the values mean is relay.offers.audio's. Pure.

Lenient where the RFC's successors and real peers are: any line ending, unknown types of lines skipped, repeat and time
zone lines not looked at. Strict where we act on it: ports, formats, addresses.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from relay.errors import BadSdp

MAX_SIZE = 65536
MAX_MEDIA = 32


@dataclass(frozen=True)
class Attribute:
    name: str
    value: str = ""
    """Empty for a flag."""

    @classmethod
    def parse(cls, text: str) -> "Attribute":
        name, _, value = text.partition(":")
        return cls(name, value.strip())

    def __str__(self) -> str:
        return f"a={self.name}:{self.value}" if self.value else f"a={self.name}"


@dataclass(frozen=True)
class MediaDescription:
    kind: str
    """"audio", "video", …"""
    port: int
    """Zero: refused or not used."""
    protocol: str
    formats: tuple[str, ...]
    address: str = ""
    """Of the c= line that holds for it, its own or the session's; empty when there is none."""
    attributes: tuple[Attribute, ...] = ()

    def values(self, name: str) -> Iterator[str]:
        """The values of all attributes of that name, in order."""
        return (attribute.value for attribute in self.attributes if attribute.name == name)

    def value(self, name: str) -> str | None:
        """The first value of that name; None when it is not there."""
        return next(self.values(name), None)

    def refused(self) -> "MediaDescription":
        """The same line as an answer that declines it (RFC 3264 section 6)."""
        mid = tuple(attribute for attribute in self.attributes if attribute.name == "mid")
        return MediaDescription(self.kind, 0, self.protocol, self.formats, attributes=mid)

    def lines(self) -> Iterator[str]:
        yield f"m={self.kind} {self.port} {self.protocol} {' '.join(self.formats)}"
        if self.address:
            yield connection_line(self.address)
        yield from map(str, self.attributes)


@dataclass(frozen=True)
class SessionDescription:
    session: int
    """Number of the session in o=, the same in all descriptions of one dialogue."""
    version: int
    """One more each time the description changes (RFC 3264 section 8)."""
    address: str
    media: tuple[MediaDescription, ...]
    attributes: tuple[Attribute, ...] = ()

    def value(self, name: str) -> str | None:
        """The first value of a session attribute."""
        return next((attribute.value for attribute in self.attributes if attribute.name == name), None)

    @classmethod
    def parse(cls, text: str) -> "SessionDescription":
        """Raises BadSdp."""
        if len(text) > MAX_SIZE:
            raise BadSdp("description is too long")
        head, *sections = _sections(_lines(text))
        if len(sections) > MAX_MEDIA:
            raise BadSdp("too many media lines")
        address = _address(head, "")
        session, version, origin = _origin(head)
        media = tuple(_media(section, address) for section in sections)
        return cls(session, version, address or origin, media, _attributes(head))

    def __str__(self) -> str:
        return "".join(f"{line}\r\n" for line in self._all_lines())

    def _all_lines(self) -> Iterator[str]:
        yield "v=0"
        yield f"o=- {self.session} {self.version} {connection_line(self.address)[2:]}"
        yield "s=-"
        yield connection_line(self.address)
        yield "t=0 0"
        yield from map(str, self.attributes)
        for media in self.media:
            yield from media.lines()


def connection_line(address: str) -> str:
    """The c= line of an IP address."""
    return f"c=IN IP{6 if ':' in address else 4} {address}"


def decimal(text: str, limit: int) -> int:
    """A number in decimal digits from 0 to `limit`. Raises BadSdp."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20) or int(text) > limit:
        raise BadSdp("number is malformed or out of range")
    return int(text)


Line = tuple[str, str]


def _lines(text: str) -> Iterator[Line]:
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            continue
        if line[1:2] != "=" or not line[0].isalpha():
            raise BadSdp("line is not <letter>=<value>")
        yield line[0], line[2:]


def _sections(lines: Iterable[Line]) -> list[list[Line]]:
    """The session's lines, then those of each m= line."""
    sections: list[list[Line]] = [[]]
    for line in lines:
        if line[0] == "m":
            sections.append([])
        sections[-1].append(line)
    if sections[0][:1] != [("v", "0")]:
        raise BadSdp("version is not 0")
    return sections


def _origin(head: list[Line]) -> tuple[int, int, str]:
    value = next((value for kind, value in head if kind == "o"), None)
    parts = (value or "").split()
    if len(parts) != 6:
        raise BadSdp("no o= line, or a malformed one")
    return decimal(parts[1], 10**20), decimal(parts[2], 10**20), parts[5]


def _media(section: list[Line], inherited: str) -> MediaDescription:
    parts = section[0][1].split()
    if len(parts) < 4:
        raise BadSdp("m= line is malformed")
    kind, port, protocol, *formats = parts
    number = decimal(port.partition("/")[0], 65535)
    return MediaDescription(kind, number, protocol, tuple(formats), _address(section, inherited), _attributes(section))


def _address(section: list[Line], inherited: str) -> str:
    value = next((value for kind, value in section if kind == "c"), None)
    if value is None:
        return inherited
    parts = value.split()
    if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
        raise BadSdp("c= line is malformed")
    try:
        address = ipaddress.ip_address(parts[2])  # names are not looked up
    except ValueError:
        raise BadSdp("c= line has no IP address") from None
    if address.is_multicast:
        raise BadSdp("c= line has a multicast address")
    return str(address)


def _attributes(section: list[Line]) -> tuple[Attribute, ...]:
    return tuple(Attribute.parse(value) for kind, value in section if kind == "a")
