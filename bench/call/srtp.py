"""SDES keys in SDP (RFC 4568) and the SRTP sessions made of them, on pylibsrtp."""

import base64
import binascii
import os
import re
from dataclasses import dataclass
from typing import Any

import pylibsrtp

from bench.call.errors import PacketError, SdpError
from vault.pii import Pii

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    "AEAD_AES_128_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}
DEFAULT_SUITE = "AES_CM_128_HMAC_SHA1_80"
_CRYPTO = re.compile(r"(\d{1,9}) ([A-Za-z0-9_]+) inline:([A-Za-z0-9+/=]+)(\|[^\s;]*)?(\s.*)?\Z", re.ASCII)


@dataclass(frozen=True)
class CryptoLine:
    """One a=crypto attribute."""

    tag: int
    suite: str
    key: Pii[bytes]
    """Master key and salt."""

    def __str__(self) -> str:
        return f"crypto:{self.tag} {self.suite} inline:{base64.b64encode(self.key.reveal()).decode()}"


def make_crypto(tag: int = 1, suite: str = DEFAULT_SUITE) -> CryptoLine:
    """A line with a fresh key."""
    return CryptoLine(tag, suite, Pii(os.urandom(SUITES[suite][1])))


def parse_crypto(value: str) -> CryptoLine:
    """The value of one a=crypto attribute. A suite that we do not know keeps an empty key. Raises SdpError."""
    match = _CRYPTO.match(value)
    if match is None:
        raise SdpError("crypto attribute is malformed")
    suite = match[2]
    if suite not in SUITES:
        return CryptoLine(int(match[1]), suite, Pii(b""))
    try:
        key = base64.b64decode(match[3], validate=True)
    except binascii.Error:
        raise SdpError("key in the crypto attribute is not base64") from None
    if len(key) != SUITES[suite][1]:
        raise SdpError("key in the crypto attribute has the wrong length")
    return CryptoLine(int(match[1]), suite, Pii(key))


class Cipher:
    """Protects what we send under our key and opens what comes under the peer's."""

    def __init__(self, profile: int, ours: bytes, theirs: bytes) -> None:
        self._out = _session(profile, ours, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._in = _session(profile, theirs, pylibsrtp.Policy.SSRC_ANY_INBOUND)

    @classmethod
    def of_sdes(cls, ours: CryptoLine, theirs: CryptoLine) -> "Cipher":
        """Raises SdpError when the suites differ or the suite is unknown."""
        if ours.suite != theirs.suite or ours.suite not in SUITES:
            raise SdpError("the two sides do not agree on one crypto suite")
        return cls(SUITES[ours.suite][0], ours.key.reveal(), theirs.key.reveal())

    def protect(self, packet: bytes) -> bytes:
        return bytes(self._out.protect(packet))

    def protect_rtcp(self, packet: bytes) -> bytes:
        return bytes(self._out.protect_rtcp(packet))

    def unprotect(self, packet: bytes) -> bytes:
        """Raises PacketError when it is not authentic, or replayed."""
        return self._open(self._in.unprotect, packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Raises PacketError when it is not authentic, or replayed."""
        return self._open(self._in.unprotect_rtcp, packet)

    @staticmethod
    def _open(unprotect: Any, packet: bytes) -> bytes:
        try:
            return bytes(unprotect(packet))
        except (pylibsrtp.Error, ValueError, TypeError) as error:
            raise PacketError(f"SRTP: {error}") from None


def _session(profile: int, key: bytes, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    policy.window_size = 1024
    return pylibsrtp.Session(policy=policy)
