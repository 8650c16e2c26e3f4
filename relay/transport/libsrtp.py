"""Sessions of SRTP by libsrtp: used where the extension could not be built, and what that is compared with. Pure."""

from collections.abc import Callable

from pylibsrtp import Error, Policy, Session
from pylibsrtp._binding import ffi, lib  # private names of pylibsrtp, whose version is pinned

from relay.errors import SrtpError
from relay.transport.suites import Suite
from vault.pii import Pii

REPLAY_WINDOW = 1024
"""Packets that may be overtaken before they count as replayed."""
AES_ICM_256 = 5
_AES_ICM_128_POLICY = (1, 30, 3, 20, 10, 3)
"""libsrtp's srtp_crypto_policy_t for AES_CM_128_HMAC_SHA1_80: cipher, size of its key and salt, authentication, size
of its key, size of the tag, services."""
_PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    # It has no profile of its own, and differs from this one in nothing else but the size of the key.
    "AES_256_CM_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
}


class LibsrtpSession:
    """One direction of a leg, any number of streams. Every method raises SrtpError for what is refused."""

    def __init__(self, suite: Suite, key: Pii[bytes], outbound: bool) -> None:
        streams = Policy.SSRC_ANY_OUTBOUND if outbound else Policy.SSRC_ANY_INBOUND
        policy = Policy(key=key.reveal(), ssrc_type=streams, srtp_profile=_PROFILES[suite.name])
        if suite.name == "AES_256_CM_HMAC_SHA1_80":
            _set_cipher(policy, suite)
        policy.window_size = REPLAY_WINDOW
        self._session = Session(policy)

    @property
    def address(self) -> int:
        """Of libsrtp's session; it holds while this object lives."""
        return int(ffi.cast("intptr_t", self._session._srtp[0]))

    def protect(self, packet: bytes) -> bytes:
        return _run(self._session.protect, packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        return _run(self._session.protect_rtcp, packet)

    def unprotect(self, packet: bytes) -> bytes:
        return _run(self._session.unprotect, packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        return _run(self._session.unprotect_rtcp, packet)


def functions() -> tuple[int, int, int]:
    """Addresses of what takes a session's address, a packet in place and its size, and returns 0 if all went well:
    protect, unprotect, unprotect SRTCP."""
    protect, unprotect, unprotect_rtcp = (
        int(ffi.cast("intptr_t", ffi.addressof(lib, name)))
        for name in ("srtp_protect", "srtp_unprotect", "srtp_unprotect_rtcp")
    )
    return protect, unprotect, unprotect_rtcp


def _run(transform: Callable[[bytes], bytes], packet: bytes) -> bytes:
    try:
        return transform(packet)
    except (Error, ValueError) as error:
        raise SrtpError(str(error)) from None


def _set_cipher(policy: Policy, suite: Suite) -> None:
    """libsrtp has the cipher, but no profile for it. Raises AssertionError when its policy is not laid out as we know
    it: nothing must ever go out under another cipher than was agreed."""
    for part in (policy._policy.rtp, policy._policy.rtcp):
        fields = ffi.cast("int *", ffi.addressof(part))
        if tuple(fields[0:6]) != _AES_ICM_128_POLICY:
            raise AssertionError("libsrtp's crypto policy is laid out otherwise")
        fields[0], fields[1] = AES_ICM_256, suite.key_size
