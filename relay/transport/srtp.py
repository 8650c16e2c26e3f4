"""SRTP and SRTCP (RFC 3711, RFC 6188, RFC 7714) by libsrtp: suites, and the sessions of one leg. Pure."""

import secrets
from dataclasses import dataclass

from pylibsrtp import Error, Policy, Session
from pylibsrtp._binding import ffi

from relay.errors import SrtpError
from vault.pii import Pii

REPLAY_WINDOW = 1024
"""Packets that may be overtaken before they count as replayed."""


AES_ICM_256 = 5
_AES_ICM_128_POLICY = (1, 30, 3, 20, 10, 3)
"""libsrtp's srtp_crypto_policy_t for AES_CM_128_HMAC_SHA1_80: cipher, size of its key and salt, authentication, size
of its key, size of the tag, services."""


@dataclass(frozen=True)
class Suite:
    name: str
    """As in RFC 4568, RFC 6188 section 7 and RFC 7714 section 14.2."""
    profile: int
    key_size: int
    """Of master key and master salt together, in bytes."""
    cipher: int = 0
    """Of libsrtp (srtp.h), in place of the profile's, which differs in nothing else but the size of the key."""

    def new_key(self) -> Pii[bytes]:
        return Pii(secrets.token_bytes(self.key_size))


SUITES = {
    suite.name: suite
    for suite in (
        # First the one that every peer has: some look at the first only.
        Suite("AES_CM_128_HMAC_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
        Suite("AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
        Suite("AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
        Suite("AES_256_CM_HMAC_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 46, cipher=AES_ICM_256),
        Suite("AES_CM_128_HMAC_SHA1_32", Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    )
}


class Srtp:
    """Both directions of one leg under one pair of master keys."""

    def __init__(self, outbound: Session, inbound: Session) -> None:
        self._outbound = outbound
        self._inbound = inbound

    @classmethod
    def from_keys(cls, suite: Suite, ours: Pii[bytes], theirs: Pii[bytes]) -> "Srtp":
        """Each side's key protects what that side sends (RFC 4568 section 6.1)."""
        outbound = _session(suite, ours, Policy.SSRC_ANY_OUTBOUND)
        return cls(outbound, _session(suite, theirs, Policy.SSRC_ANY_INBOUND))

    def with_peer_key(self, suite: Suite, theirs: Pii[bytes]) -> "Srtp":
        """The same outbound session, so that its packet index goes on; a new one for what the peer sends."""
        return Srtp(self._outbound, _session(suite, theirs, Policy.SSRC_ANY_INBOUND))

    def pointers(self) -> tuple[int, int]:
        """The addresses of libsrtp's sessions, inbound and outbound; they hold while this object lives."""
        return _address(self._inbound), _address(self._outbound)

    def protect(self, packet: bytes) -> bytes:
        return self._outbound.protect(packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        return self._outbound.protect_rtcp(packet)

    def unprotect(self, packet: bytes) -> bytes:
        """Raises SrtpError."""
        try:
            return self._inbound.unprotect(packet)
        except (Error, ValueError) as error:
            raise SrtpError(str(error)) from None

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Raises SrtpError."""
        try:
            return self._inbound.unprotect_rtcp(packet)
        except (Error, ValueError) as error:
            raise SrtpError(str(error)) from None


def _session(suite: Suite, key: Pii[bytes], streams: int) -> Session:
    policy = Policy(key=key.reveal(), ssrc_type=streams, srtp_profile=suite.profile)
    if suite.cipher:
        _set_cipher(policy, suite)
    policy.window_size = REPLAY_WINDOW
    return Session(policy)


def _set_cipher(policy: Policy, suite: Suite) -> None:
    """libsrtp has the cipher, but no profile for it. Raises AssertionError when its policy is not laid out as we know
    it: nothing must ever go out under another cipher than was agreed."""
    for part in (policy._policy.rtp, policy._policy.rtcp):
        fields = ffi.cast("int *", ffi.addressof(part))
        if tuple(fields[0:6]) != _AES_ICM_128_POLICY:
            raise AssertionError("libsrtp's crypto policy is laid out otherwise")
        fields[0], fields[1] = suite.cipher, suite.key_size


def _address(session: Session) -> int:
    # A private name of pylibsrtp, whose version is pinned; tests/relay/lines has the contract test.
    return int(ffi.cast("intptr_t", session._srtp[0]))
