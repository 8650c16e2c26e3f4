"""The audio line of a session description as values: formats, direction, keys, ICE. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from relay.api import Direction
from relay.errors import BadSdp
from relay.formats import Codec
from relay.offers.sdes import Crypto, usable
from relay.offers.sdp import Attribute, MediaDescription, SessionDescription, decimal
from relay.transport.address import Address
from relay.transport.ice import Credentials
from vault.pii import Pii

PLAIN = ("RTP/AVP", "RTP/AVPF")
SDES = ("RTP/SAVP", "RTP/SAVPF")
DTLS = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP")

KNOWN = {
    ("pcmu", 8000, 1): Codec("PCMU"),
    ("pcma", 8000, 1): Codec("PCMA"),
    ("g722", 8000, 1): Codec("G722"),
    ("l16", 8000, 1): Codec("L16"),
    ("l16", 16000, 1): Codec("L16", 16000),
    ("opus", 48000, 2): Codec("opus", 48000, 2),
    ("cn", 8000, 1): Codec("CN"),
    ("telephone-event", 8000, 1): Codec("telephone-event"),
    ("telephone-event", 16000, 1): Codec("telephone-event", 16000),
    ("telephone-event", 48000, 1): Codec("telephone-event", 48000),
}
"""(encoding name in lower case, clock, channels) -> codec."""

_STATIC = {0: Codec("PCMU"), 8: Codec("PCMA"), 9: Codec("G722"), 13: Codec("CN")}  # RFC 3551 section 6
_MIRROR: dict[str, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
_RTPMAP = re.compile(r"([0-9]{1,3}) +([A-Za-z0-9._-]+)/([0-9]{1,6})(?:/([0-9]{1,2}))?")
_ICE_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_ICE_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT = re.compile(r"([A-Za-z0-9-]{3,16}) +([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,63})")
_SETUP = ("active", "passive", "actpass")
_NOWHERE = ("0.0.0.0", "::")
HASHES = ("sha-256", "sha-384", "sha-512")
"""Of fingerprints, those that aiortc knows."""


@dataclass(frozen=True)
class Format:
    """One payload type that both sides could use."""

    payload_type: int
    codec: Codec
    parameters: str = ""
    """Of a=fmtp."""

    def attributes(self) -> Iterator[Attribute]:
        channels = f"/{self.codec.channels}" if self.codec.channels > 1 else ""
        yield Attribute("rtpmap", f"{self.payload_type} {self.codec.name}/{self.codec.clock}{channels}")
        if self.parameters:
            yield Attribute("fmtp", f"{self.payload_type} {self.parameters}")

    def parameter(self, name: str, otherwise: int) -> int:
        """A numeric parameter of a=fmtp; `otherwise` when it is not there or not a number."""
        for part in self.parameters.split(";"):
            key, _, value = part.strip().partition("=")
            if key.lower() == name and value.isascii() and value.isdigit() and len(value) < 10:
                return int(value)
        return otherwise


@dataclass(frozen=True)
class Fingerprint:
    algorithm: str
    """In lower case, e.g. "sha-256"."""
    value: str
    """Upper case hexadecimal with colons."""


@dataclass(frozen=True)
class DtlsSide:
    """Of one side's audio line what a DTLS handshake needs (RFC 5763, RFC 8842)."""

    fingerprints: tuple[Fingerprint, ...]
    setup: str
    association: str = ""
    """a=tls-id; empty when it says none."""


@dataclass(frozen=True)
class Audio:
    """One side's audio line."""

    index: int
    """Which of the media lines it is."""
    line: MediaDescription
    formats: tuple[Format, ...]
    """Those that this program knows, in the peer's order of preference."""
    direction: Direction
    """Ours, i.e. the mirror of what the peer said."""
    remote: Address | None
    """Where the peer wants RTP; None: nowhere now (c=0.0.0.0)."""
    remote_rtcp: Address | None
    rtcp_mux: bool
    ptime_ms: int
    """What the peer wants to receive in one packet; 20 unless it says."""
    crypto: tuple[Crypto, ...]

    @property
    def protocol(self) -> str:
        return self.line.protocol


@dataclass(frozen=True)
class Peer:
    """Of a browser's audio line what ICE and DTLS need."""

    credentials: Credentials
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    mid: str | None
    bundled: bool


def audio_lines(session: SessionDescription) -> Iterator[tuple[int, MediaDescription]]:
    """The audio lines that are not refused, with their indices."""
    return ((index, line) for index, line in enumerate(session.media) if line.kind == "audio" and line.port)


def read_audio(session: SessionDescription, index: int) -> Audio:
    """Raises BadSdp."""
    line = session.media[index]
    if not line.address:
        raise BadSdp("no c= line")
    here = line.address not in _NOWHERE
    mux = line.value("rtcp-mux") is not None
    return Audio(
        index=index,
        line=line,
        formats=_formats(line),
        # With ICE the c= line says nothing: browsers write zeros there (RFC 8829 section 5.2.1).
        direction=_direction(session, line, here or bool(_of_either(session, line, "ice-ufrag"))),
        remote=(line.address, line.port) if here else None,
        remote_rtcp=(line.address, _rtcp_port(line, mux)) if here else None,
        rtcp_mux=mux,
        ptime_ms=_ptime(line),
        crypto=usable(line.values("crypto")),
    )


def read_peer(session: SessionDescription, line: MediaDescription) -> Peer:
    """Raises BadSdp."""
    ufrag = _of_either(session, line, "ice-ufrag")
    password = _of_either(session, line, "ice-pwd")
    if not _ICE_UFRAG.fullmatch(ufrag) or not _ICE_PASSWORD.fullmatch(password):
        raise BadSdp("ICE credentials are missing or malformed")
    mid = line.value("mid")
    group = (session.value("group") or "").split()
    bundled = mid is not None and group[:1] == ["BUNDLE"] and mid in group[1:]
    return Peer(Credentials(ufrag, Pii(password)), _fingerprints(session, line), _setup(session, line), mid, bundled)


def has_fingerprint(session: SessionDescription, line: MediaDescription) -> bool:
    return bool(_of_either(session, line, "fingerprint"))


def read_dtls(session: SessionDescription, line: MediaDescription) -> DtlsSide:
    """Raises BadSdp, also when no fingerprint is of a hash that can be checked: SHA-1 proves nothing any more."""
    fingerprints = _fingerprints(session, line)
    if not any(found.algorithm in HASHES for found in fingerprints):
        raise BadSdp("a=fingerprint is of no hash that is known here")
    return DtlsSide(fingerprints, _setup(session, line), line.value("tls-id") or "")


def _setup(session: SessionDescription, line: MediaDescription) -> str:
    setup = _of_either(session, line, "setup") or "actpass"
    if setup not in _SETUP:
        raise BadSdp("a=setup is malformed")
    return setup


def _of_either(session: SessionDescription, line: MediaDescription, name: str) -> str:
    return line.value(name) or session.value(name) or ""


def _fingerprints(session: SessionDescription, line: MediaDescription) -> tuple[Fingerprint, ...]:
    values = list(line.values("fingerprint")) or [a.value for a in session.attributes if a.name == "fingerprint"]
    matches = [_FINGERPRINT.fullmatch(value) for value in values]
    if not values or None in matches:
        raise BadSdp("a=fingerprint is missing or malformed")
    return tuple(Fingerprint(match[1].lower(), match[2].upper()) for match in matches if match is not None)


def _formats(line: MediaDescription) -> tuple[Format, ...]:
    codecs = dict(_STATIC)
    for value in line.values("rtpmap"):
        payload_type, codec = _rtpmap(value)
        codecs.pop(payload_type, None)
        if codec is not None:
            codecs[payload_type] = codec
    parameters = {
        payload_type: text.strip() for payload_type, _, text in (v.partition(" ") for v in line.values("fmtp"))
    }
    numbers = dict.fromkeys(decimal(text, 127) for text in line.formats)
    return tuple(Format(n, codecs[n], parameters.get(str(n), "")) for n in numbers if n in codecs)


def _rtpmap(value: str) -> tuple[int, Codec | None]:
    match = _RTPMAP.fullmatch(value)
    if match is None:
        raise BadSdp("a=rtpmap is malformed")
    name, clock, channels = match[2].lower(), int(match[3]), int(match[4] or 1)
    return decimal(match[1], 127), KNOWN.get((name, clock, channels))


def _direction(session: SessionDescription, line: MediaDescription, here: bool) -> Direction:
    for attributes in (line.attributes, session.attributes):
        theirs = next((attribute.name for attribute in attributes if attribute.name in _MIRROR), None)
        if theirs is not None:
            break
    ours = _MIRROR[theirs or "sendrecv"]
    if here:
        return ours
    # RFC 3264 section 8.4: an address of zeros was the way to say hold.
    return "recvonly" if ours in ("sendrecv", "recvonly") else "inactive"


def _rtcp_port(line: MediaDescription, mux: bool) -> int:
    if mux:
        return line.port
    value = line.value("rtcp")  # RFC 3605; an address of its own is not supported and would not be one signalled in c=
    if value:
        return decimal(value.split()[0], 65535)
    return min(line.port + 1, 65535)


def _ptime(line: MediaDescription) -> int:
    text = line.value("ptime")
    if text is None:
        return 20
    wanted = decimal(text.partition(".")[0], 1000)
    return max((size for size in (10, 20, 30, 40, 60) if size <= wanted), default=10)
