"""Packets for many listeners at once: each has its own numbers, law and mix."""

import numpy as np
import pytest

from relay.codecs import g711
from relay.lines.batch import Column, Octets
from relay.lines.plain import PlainLines
from relay.passing.outbound import Heard, Listener, Outbound
from relay.passing.waiting import FRAME
from relay.streams.rtp import RtpPacket, parse

HEAD = 0x80 << 24


class Sent(PlainLines):
    def __init__(self) -> None:
        super().__init__()
        self.packets: list[tuple[int, RtpPacket]] = []

    def send(self, lines: Column, packets: Octets) -> None:
        self.packets += [(line, parse(packet.tobytes())) for line, packet in zip(lines.tolist(), packets, strict=True)]


def heard(*mixes: int) -> Heard:
    octets = np.zeros((len(g711.LAWS), 3, FRAME), np.uint8)
    for law in range(len(g711.LAWS)):
        for mix in range(3):
            octets[law, mix] = 10 * law + mix
    return Heard(octets, np.array(mixes))


@pytest.fixture
def sent() -> Sent:
    return Sent()


def test_each_listener_gets_what_it_hears_in_its_own_stream(sent: Sent) -> None:
    outbound = Outbound(sent)
    outbound.begin(5, Listener(0, "PCMU", HEAD, 77, (0xFFFF, 0xFFFFFFFF)))
    outbound.begin(2, Listener(3, "PCMA", HEAD | 8 << 16, 78, (4, 100)))
    outbound.send(heard(1, 0, 0, -1))
    outbound.send(heard(0, 0, 0, 1))
    assert [line for line, _ in sent.packets] == [2, 5, 2, 5]
    assert [packet.payload[0] for _, packet in sent.packets] == [12, 1, 11, 0]
    assert {(line, packet.payload_type, packet.ssrc) for line, packet in sent.packets} == {(2, 8, 78), (5, 0, 77)}
    assert [(p.sequence, p.timestamp) for line, p in sent.packets if line == 5] == [(0xFFFF, 0xFFFFFFFF), (0, 159)]
    assert not any(packet.marker for _, packet in sent.packets)
    sent.shut()


def test_who_ended_gets_no_more_and_is_told_how_many(sent: Sent) -> None:
    outbound = Outbound(sent)
    for line in (0, 300):
        outbound.begin(line, Listener(0, "PCMU", HEAD, 1, (1, 1)))
    outbound.send(heard(0))
    assert outbound.sent(300) == 1 and outbound.sent(300) == 0
    outbound.send(heard(0))
    assert outbound.end(300) == 1
    outbound.send(heard(0))
    assert len(outbound) == 1 and outbound.end(0) == 3
    outbound.send(heard(0))
    assert [line for line, _ in sent.packets] == [0, 300, 0, 300, 0]
    sent.shut()
