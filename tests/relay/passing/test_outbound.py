"""Packets for many listeners at once: each has its own numbers, law and mix."""

import numpy as np
import pytest

from relay.codecs import g711
from relay.lines.batch import Column, Octets
from relay.lines.plain import PlainLines
from relay.passing.outbound import Heard, Listener, Outbound, Sent, Voices
from relay.passing.waiting import FRAME
from relay.streams.rtp import RtpPacket, parse

HEAD = 0x80 << 24


class SentLines(PlainLines):
    def __init__(self) -> None:
        super().__init__()
        self.packets: list[tuple[int, RtpPacket]] = []

    def send(self, lines: Column, packets: Octets, sizes: Column) -> None:
        self.packets += [
            (line, parse(packet[:size].tobytes()))
            for line, packet, size in zip(lines.tolist(), packets, sizes.tolist(), strict=True)
        ]


def heard(*mixes: int, sung: Voices | None = None) -> Heard:
    octets = np.zeros((len(g711.LAWS), 3, FRAME), np.uint8)
    for law in range(len(g711.LAWS)):
        for mix in range(3):
            octets[law, mix] = 10 * law + mix
    return Heard(octets, np.array(mixes), sung or Voices.none(len(mixes)))


def voices(*payloads: bytes, places: tuple[int, ...]) -> Voices:
    width = max(1, *map(len, payloads))
    octets = np.frombuffer(b"".join(payload.ljust(width, b"!") for payload in payloads), np.uint8)
    return Voices(octets.reshape(-1, width), np.array([len(payload) for payload in payloads]), np.array(places))


@pytest.fixture
def sent() -> SentLines:
    return SentLines()


def test_each_listener_gets_what_it_hears_in_its_own_stream(sent: SentLines) -> None:
    outbound = Outbound(sent)
    outbound.begin(5, Listener(0, "PCMU", FRAME, HEAD, 77, (0xFFFF, 0xFFFFFFFF)))
    outbound.begin(2, Listener(3, "PCMA", FRAME, HEAD | 8 << 16, 78, (4, 100)))
    outbound.send(heard(1, 0, 0, -1))
    outbound.send(heard(0, 0, 0, 1))
    assert [line for line, _ in sent.packets] == [2, 5, 2, 5]
    assert [packet.payload[0] for _, packet in sent.packets] == [12, 1, 11, 0]
    assert {(line, packet.payload_type, packet.ssrc) for line, packet in sent.packets} == {(2, 8, 78), (5, 0, 77)}
    assert [(p.sequence, p.timestamp) for line, p in sent.packets if line == 5] == [(0xFFFF, 0xFFFFFFFF), (0, 159)]
    assert not any(packet.marker for _, packet in sent.packets)
    sent.shut()


def test_who_ended_gets_no_more_and_is_told_how_many(sent: SentLines) -> None:
    outbound = Outbound(sent)
    for line in (0, 300):
        outbound.begin(line, Listener(0, "PCMU", FRAME, HEAD, 1, (1, 1)))
    outbound.send(heard(0))
    assert outbound.sent(300) == Sent(1, FRAME, FRAME, False) and outbound.sent(300) == Sent(0, 0, 0, False)
    outbound.send(heard(0))
    assert outbound.end(300) == Sent(1, FRAME, FRAME, False)
    outbound.send(heard(0))
    assert len(outbound) == 1 and outbound.end(0) == Sent(3, 3 * FRAME, 3 * FRAME, False)
    outbound.send(heard(0))
    assert [line for line, _ in sent.packets] == [0, 300, 0, 300, 0]
    sent.shut()


def test_opus_has_packets_of_any_length_beside_those_of_g711(sent: SentLines) -> None:
    outbound = Outbound(sent)
    outbound.begin(0, Listener(0, "PCMU", FRAME, HEAD, 1, (9, 100)))
    for line in (1, 2, 3):
        outbound.begin(line, Listener(line, None, 960, HEAD | 96 << 16, line, (0xFFFF, 5)))
    outbound.send(heard(1, -1, -1, -1, sung=voices(b"long voice", b"short", places=(-1, 1, 0, 1))))
    assert [(line, packet.payload) for line, packet in sent.packets[1:]] == [
        (1, b"short"),
        (2, b"long voice"),
        (3, b"short"),
    ]
    assert len(sent.packets[0][1].payload) == FRAME
    assert {(p.sequence, p.timestamp, p.payload_type) for _, p in sent.packets[1:]} == {(0xFFFF, 5, 96)}
    assert outbound.end(2) == Sent(1, 960, 10, False)


def test_nothing_is_sent_of_silence_and_what_comes_after_it_begins_anew(sent: SentLines) -> None:
    outbound = Outbound(sent)
    for line in (1, 2):
        outbound.begin(line, Listener(line, None, 960, HEAD | 96 << 16, line, (7, 0)))
    told = [
        voices(b"a", b"b", places=(0, 0, 1)),
        voices(b"", b"c", places=(0, 0, 1)),
        voices(b"d", places=(0, -1, 0)),
        voices(b"e", places=(0, 0, 0)),
        voices(b"f", places=(0, 0, 0)),
    ]
    for sung in told:
        outbound.send(heard(-1, -1, -1, sung=sung))
    first = [(p.payload, p.sequence, p.timestamp, p.marker) for line, p in sent.packets if line == 1]
    other = [(p.payload, p.sequence, p.timestamp, p.marker) for line, p in sent.packets if line == 2]
    assert first == [(b"a", 7, 0, False), (b"e", 8, 3 * 960, True), (b"f", 9, 4 * 960, False)]
    assert other == [(letter, 7 + at, at * 960, False) for at, letter in enumerate((b"b", b"c", b"d", b"e", b"f"))]
    outbound.send(heard(-1, -1, -1, sung=voices(b"", places=(0, 0, 0))))
    assert outbound.sent(1) == Sent(3, 6 * 960, 3, True)
