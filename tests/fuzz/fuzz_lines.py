"""Whatever arrives on an RTP port, the lines in C and those in Python let the same through, and count the rest."""

from relay.lines import Lines, Way
from relay.lines.native import NativeLines
from relay.lines.plain import PlainLines
from relay.streams.rtcp import Report
from relay.streams.rtp import RtpPacket, serialize
from relay.transport.srtp import SUITES, Srtp
from relay.transport.udp import address_of, bind
from vault.pii import Pii

KEYS = Pii(bytes(range(30))), Pii(bytes(range(30, 60)))
SUITE = SUITES["AES_CM_128_HMAC_SHA1_80"]
PEER = Srtp.from_keys(SUITE, KEYS[1], KEYS[0])
SEEDS: list[bytes] = [
    b"\0" + serialize(RtpPacket(0, False, 1, 1, 160, bytes(160))),
    b"\1" + Report(5).serialize(),
    b"\2" + PEER.protect(serialize(RtpPacket(0, False, 1, 1, 160, bytes(160)))),
    b"\3" + PEER.protect_rtcp(Report(5).serialize()),
    b"\2" + bytes.fromhex("b1800001000000020000000300000004beef0001aabbccdd7f7f7f000003"),
]


class Ear:
    def __init__(self) -> None:
        self.told: list[tuple[str, bytes]] = []
        self.discarded = 0

    def receive_rtp(self, data: bytes, arrival_ns: int) -> None:
        self.told.append(("rtp", data))

    def receive_rtcp(self, data: bytes, arrival_ns: int) -> None:
        self.told.append(("rtcp", data))

    def discard(self, datagrams: int = 1) -> None:
        self.discarded += datagrams

    def fault(self, error: Exception) -> None:
        raise error


def one_input(data: bytes) -> None:
    if not 1 <= len(data) <= 2000:
        return
    secure, mux = bool(data[0] & 2), bool(data[0] & 1)
    native, plain = (_told(lines, data[1:], secure, mux) for lines in (NativeLines(), PlainLines()))
    assert native == plain
    assert len(native[0]) + native[1] == 1


def _told(lines: Lines, datagram: bytes, secure: bool, mux: bool) -> tuple[list[tuple[str, bytes]], int]:
    ear = Ear()
    with bind("127.0.0.1", 0) as here, bind("127.0.0.1", 0) as there:
        line = lines.open(here, ear)
        lines.lead(line, Way(address_of(there), Srtp.from_keys(SUITE, *KEYS) if secure else None, mux))
        there.sendto(datagram, address_of(here))
        for _ in range(1000):
            lines.receive()
            if ear.told or ear.discarded:
                break
        lines.close(line)
    lines.shut()
    return ear.told, ear.discarded


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
