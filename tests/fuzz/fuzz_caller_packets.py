"""Whatever arrives on a caller's media port, the receiver counts it, raises nothing, and can play what it heard."""

from bench.call.codecs import PCMU
from bench.call.receiver import Receiver
from bench.call.rtcp import ReportBlock, SenderInfo, sender_report
from bench.call.rtp import RtpPacket, is_rtcp

SEEDS: list[bytes] = [
    bytes(RtpPacket(0, 1, 160, 7, b"\xff" * 160, marker=True)),
    bytes(RtpPacket(101, 2, 320, 7, b"\x05\x8a\x05\x00")),
    sender_report(7, SenderInfo(1.0, 160, 1, 160), (ReportBlock(9, 1, 2, 3, 4),), "x"),
    bytes.fromhex("b1800001000000020000000300000004beef0001aabbccdd7f7f7f000003"),
]


def one_input(data: bytes) -> None:
    receiver = Receiver(PCMU)
    receiver.expect({0: PCMU}, frozenset({101}))
    if is_rtcp(data):
        receiver.receive_rtcp(data, ours=9)
    else:
        receiver.receive_rtp(data, 0.02)
    assert receiver.discarded + receiver.reception.received <= 2
    assert len(receiver.heard(0.1)) == 800


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
