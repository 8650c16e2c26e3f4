"""Sessions of SRTP by the C extension."""

from typing import Any

from relay.errors import SrtpError
from relay.transport._srtp import ffi, lib
from relay.transport.suites import Suite
from vault.pii import Pii

_LONGEST = 2048
_REASONS = {1: "no packet of RTP or RTCP", 2: "not authentic", 3: "replayed", 4: "the key is used up", 5: "no room"}
_packet: Any = ffi.new("uint8_t[]", _LONGEST + lib.TRAILER)
_size: Any = ffi.new("int *")


class NativeSession:
    """One direction of a leg, any number of streams. Every method raises SrtpError for what is refused."""

    def __init__(self, suite: Suite, key: Pii[bytes], outbound: bool) -> None:
        """Raises ValueError for a key of another size, MemoryError."""
        master = key.reveal()
        if len(master) != suite.key_size:
            raise ValueError("not the size of the suite's key and salt")
        sizes = (suite.cipher_key_size, suite.salt_size, suite.tag_size, suite.aead)
        made = lib.srtp_session_new(master, sizes, outbound)
        if made == ffi.NULL:
            raise MemoryError("no room for a session of SRTP")
        self._session = ffi.gc(made, lib.srtp_session_free)

    @property
    def address(self) -> int:
        """Of the extension's session; it holds while this object lives."""
        return int(ffi.cast("intptr_t", self._session))

    def protect(self, packet: bytes) -> bytes:
        return self._run(lib.srtp_protect_rtp, packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        return self._run(lib.srtp_protect_rtcp, packet)

    def unprotect(self, packet: bytes) -> bytes:
        return self._run(lib.srtp_unprotect_rtp, packet)

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        return self._run(lib.srtp_unprotect_rtcp, packet)

    def _run(self, transform: Any, packet: bytes) -> bytes:
        if len(packet) > _LONGEST:
            raise SrtpError("longer than any packet")
        ffi.memmove(_packet, packet, len(packet))
        _size[0] = len(packet)
        if (status := transform(self._session, _packet, _size)) != 0:
            raise SrtpError(_REASONS[status])
        return bytes(ffi.buffer(_packet, _size[0]))


def functions() -> tuple[int, int, int]:
    """Addresses of what takes a session's address, a packet in place and its size, and returns 0 if all went well:
    protect, unprotect, unprotect SRTCP."""
    protect, unprotect, unprotect_rtcp = (
        int(ffi.cast("intptr_t", ffi.addressof(lib, name)))
        for name in ("srtp_protect_rtp", "srtp_unprotect_rtp", "srtp_unprotect_rtcp")
    )
    return protect, unprotect, unprotect_rtcp
