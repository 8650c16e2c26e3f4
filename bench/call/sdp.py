"""The caller's own SDP: writes offers and answers, reads the peer's (RFC 8866, RFC 3264, RFC 4568, RFC 5761). Pure."""

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Literal

from bench.call.codecs import CODECS, Codec
from bench.call.errors import SdpError
from bench.call.srtp import CryptoLine, parse_crypto

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
EVENTS = "telephone-event"
MAX_SDP = 65536
_NUMBER = re.compile(r"\d{1,9}\Z", re.ASCII)
_RTPMAP = re.compile(r"(\d{1,3}) ([A-Za-z0-9._-]+)/(\d{1,9})(?:/(\d{1,2}))?\Z", re.ASCII)
_REVERSED: dict[Direction, Direction] = {"sendonly": "recvonly", "recvonly": "sendonly"}
_STATIC = {0: ("PCMU", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000)}


@dataclass(frozen=True)
class Format:
    """A payload type and what it means."""

    payload_type: int
    name: str
    clock_rate: int

    @property
    def codec(self) -> Codec | None:
        """Ours of that name, or None."""
        return next((codec for codec in CODECS.values() if codec.name.lower() == self.name.lower()), None)


@dataclass(frozen=True)
class Audio:
    """The one audio stream of a description."""

    address: str
    port: int
    """0: refused."""
    formats: tuple[Format, ...]
    direction: Direction = "sendrecv"
    encrypted: bool = False
    """The profile is RTP/SAVP."""
    crypto: tuple[CryptoLine, ...] = ()
    rtcp_mux: bool = False
    rtcp_port: int = 0

    def choose(self, names: tuple[str, ...]) -> tuple[Codec, int] | None:
        """The first format that is one of `names`: the codec and its payload type here."""
        for form in self.formats:
            if form.codec is not None and form.codec.name in names:
                return form.codec, form.payload_type
        return None

    def events(self, clock_rate: int) -> int | None:
        """The payload type of telephone-events that run on this clock (RFC 4733 §2.1)."""
        for form in self.formats:
            if form.name.lower() == EVENTS and form.clock_rate == clock_rate:
                return form.payload_type
        return None


@dataclass(frozen=True)
class Description:
    """Our side of the session; each change raises the version (RFC 3264 §8)."""

    session: int
    address: str
    port: int
    codecs: tuple[Codec, ...]
    crypto: tuple[CryptoLine, ...] = ()
    direction: Direction = "sendrecv"
    version: int = 1
    payload_types: tuple[tuple[str, int], ...] = ()
    """Numbers that the peer's offer gave; else our own."""
    rtcp_mux: bool = True

    def changed(self, direction: Direction) -> "Description":
        return replace(self, direction=direction, version=self.version + 1)

    def __str__(self) -> str:
        family = "IP6" if ":" in self.address else "IP4"
        formats = self._formats()
        profile = "RTP/SAVP" if self.crypto else "RTP/AVP"
        lines = [
            "v=0",
            f"o=- {self.session} {self.version} IN {family} {self.address}",
            "s=-",
            f"c=IN {family} {self.address}",
            "t=0 0",
            f"m=audio {self.port} {profile} {' '.join(str(number) for number, _, _ in formats)}",
            *(f"a=rtpmap:{number} {name}" for number, name, _ in formats),
            *(f"a=fmtp:{number} {parameters}" for number, _, parameters in formats if parameters),
            *(f"a={line}" for line in self.crypto),
            "a=ptime:20",
            f"a={self.direction}",
            *(["a=rtcp-mux"] if self.rtcp_mux else []),
        ]
        return "".join(f"{line}\r\n" for line in lines)

    def _formats(self) -> list[tuple[int, str, str]]:
        numbers = dict(self.payload_types)
        formats = [(numbers.get(codec.name, codec.payload_type), codec.rtpmap, codec.format) for codec in self.codecs]
        for number, rate in ((101, 8000), (110, 48000)):
            if any(codec.clock_rate == rate for codec in self.codecs):
                formats.append((numbers.get(f"{EVENTS}/{rate}", number), f"{EVENTS}/{rate}", "0-15"))
        return formats


def reverse(direction: Direction) -> Direction:
    """What the peer's direction is, seen from here."""
    return _REVERSED.get(direction, direction)


def parse_sdp(text: str) -> Audio:
    """The first audio stream. Raises SdpError."""
    if len(text) > MAX_SDP or not text.startswith("v=0"):
        raise SdpError("not a session description")
    address, media, attributes = _sections([line.strip() for line in text.splitlines() if line.strip()])
    port, profile, numbers = _media_line(media)
    if profile not in ("RTP/AVP", "RTP/SAVP"):
        raise SdpError(f"media profile {profile[:20]} is not spoken here")
    return Audio(
        address=_address(address),
        port=port,
        formats=_formats(numbers, attributes),
        direction=_direction(attributes),
        encrypted=profile == "RTP/SAVP",
        crypto=tuple(parse_crypto(value) for name, value in attributes if name == "crypto"),
        rtcp_mux=any(name == "rtcp-mux" for name, _ in attributes),
        rtcp_port=_rtcp_port(attributes, port),
    )


def _sections(lines: list[str]) -> tuple[str, str, list[tuple[str, str]]]:
    """The c= line that counts, the first m=audio line, and the attributes that are valid for it."""
    address, media = "", ""
    attributes: list[tuple[str, str]] = []
    mine = True
    for line in lines:
        kind, _, value = line.partition("=")
        if kind == "m":
            mine = not media and value.startswith("audio ")
            media = media or (value if mine else "")
        elif mine and kind == "c":
            address = value
        elif mine and kind == "a":
            name, _, value = value.partition(":")
            attributes.append((name, value))
    if not media:
        raise SdpError("no audio stream")
    return address, media, attributes


def _media_line(line: str) -> tuple[int, str, list[int]]:
    words = line.split()
    numbers = words[3:]
    if len(words) < 4 or not all(_NUMBER.match(word) for word in (words[1].split("/")[0], *numbers)):
        raise SdpError("media line is malformed")
    port = int(words[1].split("/")[0])
    if port > 65535:
        raise SdpError("port is out of range")
    return port, words[2], [int(number) for number in numbers]


def _address(line: str) -> str:
    words = line.split()
    if len(words) != 3 or words[0] != "IN":
        raise SdpError("connection line is missing or malformed")
    try:
        return str(ipaddress.ip_address(words[2].split("/")[0]))
    except ValueError:
        raise SdpError("connection address is not an IP address") from None


def _formats(numbers: list[int], attributes: list[tuple[str, str]]) -> tuple[Format, ...]:
    names = dict(_STATIC)
    for match in (_RTPMAP.match(value) for name, value in attributes if name == "rtpmap"):
        if match is None:
            raise SdpError("rtpmap is malformed")
        names[int(match[1])] = (match[2], int(match[3]))
    return tuple(Format(number, *names[number]) for number in numbers if number in names)


def _direction(attributes: list[tuple[str, str]]) -> Direction:
    direction: Direction = "sendrecv"
    for name, _ in attributes:
        match name:
            case "sendrecv" | "sendonly" | "recvonly" | "inactive":
                direction = name
    return direction


def _rtcp_port(attributes: list[tuple[str, str]], port: int) -> int:
    for name, value in attributes:
        number = value.split(" ")[0]
        if name == "rtcp" and _NUMBER.match(number):
            return int(number)
    return port + 1
