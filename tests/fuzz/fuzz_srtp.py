"""Whatever arrives as SRTP or SRTCP, our transforms and libsrtp's come to the same octets in clear, or both refuse it.

What either protects, the other one unprotects."""

from collections.abc import Callable

from relay.errors import SrtpError
from relay.streams.rtcp import Report
from relay.streams.rtp import RtpPacket, serialize
from relay.transport.libsrtp import LibsrtpSession
from relay.transport.native_srtp import NativeSession
from relay.transport.srtp import SUITES
from vault.pii import Pii

ORDER = tuple(SUITES.values())
KEYS = tuple(Pii(bytes(range(suite.key_size))) for suite in ORDER)
PACKET = serialize(RtpPacket(0, False, 1, 1, 160, bytes(20)))
SEEDS: list[bytes] = [
    *(bytes([number]) + NativeSession(suite, KEYS[number], True).protect(PACKET) for number, suite in enumerate(ORDER)),
    *(
        bytes([8 + number]) + NativeSession(suite, KEYS[number], True).protect_rtcp(Report(5).serialize())
        for number, suite in enumerate(ORDER)
    ),
    b"\x10" + PACKET,
    b"\x11" + bytes.fromhex("b1800001000000020000000300000004beef0001aabbccdd7f7f7f000003"),
    b"\x18" + Report(5).serialize(),
]


def one_input(data: bytes) -> None:
    """The first octet: suite, whether it is a control packet, and whether it is to be protected."""
    if not data or len(data) > 1500:
        return
    number, control, outbound = data[0] % 8 % len(ORDER), bool(data[0] & 8), bool(data[0] & 16)
    native, libsrtp = (kind(ORDER[number], KEYS[number], outbound) for kind in (NativeSession, LibsrtpSession))
    if not outbound:
        ways = ((each.unprotect_rtcp if control else each.unprotect) for each in (native, libsrtp))
        ours, theirs = (_verdict(way, data[1:]) for way in ways)
        assert ours == theirs
        return
    made = _verdict(native.protect_rtcp if control else native.protect, data[1:])
    if made is not None:
        peer = LibsrtpSession(ORDER[number], KEYS[number], False)
        assert (peer.unprotect_rtcp if control else peer.unprotect)(made) == data[1:]


def _verdict(transform: Callable[[bytes], bytes], data: bytes) -> bytes | None:
    try:
        return transform(data)
    except SrtpError:
        return None


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
