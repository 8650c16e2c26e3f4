"""Whatever datagrams an authenticated peer sends, its leg raises nothing, sends each tick, and counts what came."""

from dataclasses import replace

from relay.streams.rtcp import Description, Goodbye, ReceptionReport, Report, SenderInfo
from relay.streams.rtp import Extension, RtpPacket, serialize
from relay.transport.demux import Kind, classify
from tests.relay.calls import RECEIVE, TICK
from tests.relay.test_leg import AGREED, Bench

MAX_DATAGRAMS = 12
LEG = replace(AGREED, receive=RECEIVE)


def _sent(*datagrams: bytes) -> bytes:
    return b"".join(bytes([len(datagram)]) + datagram for datagram in datagrams)


def _sound(kind: int, number: int, payload: bytes) -> bytes:
    return serialize(RtpPacket(kind, not number, 7, number, number * 160, payload))


_BLOCK = ReceptionReport(7, 12, -3, 70000, 55, 1, 2)
SEEDS: list[bytes] = [
    _sent(*(_sound(0, number, b"\x12" * 160) for number in range(6))),
    _sent(*(_sound(kind, number, b"\x48\x0b\xe4\x12") for number, kind in enumerate(RECEIVE))),
    _sent(serialize(RtpPacket(9, False, 7, 1, 160, b"\x12" * 80, (1, 2), Extension(0xBEDE, b"\x10\x85\0\0")))),
    _sent(
        Report(7, SenderInfo(1, 2, 3, 4), (_BLOCK,)).serialize() + Description(7, "name").serialize(),
        Report(7, None, (_BLOCK, _BLOCK)).serialize() + Goodbye((7,)).serialize(),
    ),
]


def one_input(data: bytes) -> None:
    bench, at, count = Bench(), 0, 0
    bench.leg.apply(LEG)
    while at < len(data) and count < MAX_DATAGRAMS:
        datagram = data[at + 1 : at + 1 + data[at]]
        at, count = at + 1 + data[at], count + 1
        kind = classify(datagram)
        if kind is Kind.RTP:
            bench.leg.receive_rtp(datagram, count * TICK)
        elif kind is Kind.RTCP:
            bench.leg.receive_rtcp(datagram, count * TICK)
        tick = bench.engine.tick(count * TICK)
        assert len(tick.sends) == 1 and not tick.faults
    report = bench.leg.report()
    assert 0 <= report.packets_received <= count
    assert 0 <= report.packets_discarded <= count
    assert report.packets_lost >= 0 and report.faults == 0


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
