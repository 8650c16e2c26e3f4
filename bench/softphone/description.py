"""The SDP of a softphone: an offer like a browser's, what counts of the answer (RFC 8829, RFC 8839, RFC 8842). Pure."""

import re
import secrets
from dataclasses import dataclass

from bench.call.errors import SdpError
from vault.pii import Pii

OPUS_TYPE = 111
EVENTS_TYPE = 110
_CANDIDATE = re.compile(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d{1,5}) typ host", re.IGNORECASE)


@dataclass(frozen=True)
class Ice:
    """One side's credentials."""

    ufrag: str
    password: Pii[str]


def make_ice() -> Ice:
    return Ice(secrets.token_hex(4), Pii(secrets.token_hex(16)))


def write_offer(ice: Ice, fingerprint: str) -> str:
    """Opus and its events; no candidates: the server is ICE-lite and learns us from our checks."""
    lines = [
        "v=0",
        f"o=- {secrets.randbits(62)} 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        f"m=audio 9 UDP/TLS/RTP/SAVPF {OPUS_TYPE} {EVENTS_TYPE}",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        f"a=ice-ufrag:{ice.ufrag}",
        f"a=ice-pwd:{ice.password.reveal()}",
        f"a=fingerprint:sha-256 {fingerprint}",
        "a=setup:actpass",
        "a=sendrecv",
        "a=rtcp-mux",
        f"a=rtpmap:{OPUS_TYPE} opus/48000/2",
        f"a=fmtp:{OPUS_TYPE} minptime=10;useinbandfec=1",
        f"a=rtpmap:{EVENTS_TYPE} telephone-event/48000",
    ]
    return "".join(f"{line}\r\n" for line in lines)


@dataclass(frozen=True)
class Remote:
    """Where the server's media is, and how it proves itself."""

    address: tuple[str, int]
    ice: Ice
    fingerprint: str
    """SHA-256 in upper-case hexadecimal, bytes apart by colons."""


def read_answer(sdp: str) -> Remote:
    """Raises SdpError."""
    candidate = _CANDIDATE.search(sdp)
    if candidate is None:
        raise SdpError("no host candidate")
    ice = Ice(_value(sdp, "ice-ufrag"), Pii(_value(sdp, "ice-pwd")))
    method, _, fingerprint = _value(sdp, "fingerprint").partition(" ")
    if method.lower() != "sha-256" or _value(sdp, "setup") != "passive":
        raise SdpError("the server must have a SHA-256 fingerprint and be passive")
    return Remote((candidate[1], int(candidate[2])), ice, fingerprint.upper())


def _value(sdp: str, name: str) -> str:
    match = re.search(rf"^a={name}:(.+?)\s*$", sdp, re.MULTILINE)
    if match is None:
        raise SdpError(f"a={name} is missing")
    return match[1]
