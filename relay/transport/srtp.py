"""SRTP and SRTCP (RFC 3711, RFC 6188, RFC 7714): both directions of one leg, in C where it could be built, else by
libsrtp. Pure."""

from typing import Protocol

from relay.transport import libsrtp
from relay.transport.suites import SUITES, Suite
from vault.pii import Pii

try:
    from relay.transport import native_srtp
except ImportError:
    IS_NATIVE = False
else:
    IS_NATIVE = True

__all__ = ["IS_NATIVE", "SUITES", "Session", "Srtp", "Suite", "functions"]


class Session(Protocol):
    """One direction, any number of streams. Every method raises SrtpError for what is refused."""

    @property
    def address(self) -> int:
        """For `functions`; it holds while this object lives."""

    def protect(self, packet: bytes) -> bytes: ...

    def protect_rtcp(self, packet: bytes) -> bytes: ...

    def unprotect(self, packet: bytes) -> bytes: ...

    def unprotect_rtcp(self, packet: bytes) -> bytes: ...


class Srtp:
    """Both directions of one leg under one pair of master keys."""

    def __init__(self, outbound: Session, inbound: Session) -> None:
        self._outbound = outbound
        self._inbound = inbound
        self.protect = outbound.protect
        self.protect_rtcp = outbound.protect_rtcp
        self.unprotect = inbound.unprotect
        self.unprotect_rtcp = inbound.unprotect_rtcp

    @classmethod
    def from_keys(cls, suite: Suite, ours: Pii[bytes], theirs: Pii[bytes]) -> "Srtp":
        """Each side's key protects what that side sends (RFC 4568 section 6.1)."""
        return cls(_session(suite, ours, True), _session(suite, theirs, False))

    def with_peer_key(self, suite: Suite, theirs: Pii[bytes]) -> "Srtp":
        """The same outbound session, so that its packet index goes on; a new one for what the peer sends."""
        return Srtp(self._outbound, _session(suite, theirs, False))

    def pointers(self) -> tuple[int, int]:
        """The addresses of the sessions, inbound and outbound; they hold while this object lives."""
        return self._inbound.address, self._outbound.address


def functions() -> tuple[int, int, int]:
    """Addresses of what takes a session's address, a packet in place and its size, and returns 0 if all went well:
    protect, unprotect, unprotect SRTCP."""
    return native_srtp.functions() if IS_NATIVE else libsrtp.functions()


def _session(suite: Suite, key: Pii[bytes], outbound: bool) -> Session:
    made = native_srtp.NativeSession if IS_NATIVE else libsrtp.LibsrtpSession
    return made(suite, key, outbound)
