"""Packets for listeners made natively are those that numpy makes."""

from collections.abc import Iterator

import numpy as np
import pytest

from relay.codecs import g711
from relay.lines import Lines, Way
from relay.lines.native import NativeLines
from relay.lines.plain import PlainLines
from relay.passing.outbound import Heard, Listener, Outbound, Sent, Voices
from relay.passing.waiting import FRAME
from relay.transport.srtp import SUITES, Srtp
from relay.transport.udp import address_of, bind

HEAD, HOST = 0x80 << 24, "127.0.0.1"
SUITE = SUITES["AES_CM_128_HMAC_SHA1_80"]


class Ear:
    def __init__(self) -> None:
        self.faults = 0

    def receive_rtp(self, data: bytes, arrival_ns: int) -> None: ...

    def receive_rtcp(self, data: bytes, arrival_ns: int) -> None: ...

    def discard(self, datagrams: int = 1) -> None: ...

    def fault(self, error: Exception) -> None:
        self.faults += 1


class Side:
    """Two listeners, the second one's packets under keys; and where they arrive."""

    def __init__(self, lines: Lines, srtp: Srtp | None = None) -> None:
        self.lines, self.ears = lines, [Ear(), Ear()]
        self.here, self.there = ([bind(HOST, 0) for _ in range(2)] for _ in range(2))
        self.outbound = Outbound(lines)
        for number, law in enumerate(g711.LAWS):
            line = lines.open(self.here[number], self.ears[number])
            lines.lead(line, Way(address_of(self.there[number]), srtp if number else None))
            self.listen(line, 2 * number, law)

    def listen(self, line: int, row: int, law: g711.Law | None) -> None:
        head = HEAD | 8 * line << 16
        samples = 960 if law is None else FRAME
        self.outbound.begin(line, Listener(row, law, samples, head, 77 + line, (0xFFFF, 0xFFFFFFF0)))

    def heard(self, number: int) -> bytes:
        self.there[number].settimeout(5)
        return self.there[number].recv(2048)

    def close(self) -> None:
        for line, ends in enumerate(zip(self.here, self.there, strict=True)):
            self.lines.close(line)
            for end in ends:
                end.close()
        self.lines.shut()


def heard(*mixes: int, voices: Voices | None = None) -> Heard:
    octets = np.random.default_rng(3).integers(0, 256, (2, 3, FRAME)).astype(np.uint8)
    return Heard(octets, np.array(mixes), voices or Voices.none(len(mixes)))


def sung(*sizes: int, place: int) -> Voices:
    """So many octets of Opus, of which the one in that place is heard in row 2."""
    octets = np.random.default_rng(4).integers(0, 256, (len(sizes), max(sizes))).astype(np.uint8)
    return Voices(octets, np.array(sizes), np.array([-1, -1, place]))


@pytest.fixture
def sides() -> Iterator[tuple[Side, Side]]:
    both = Side(PlainLines()), Side(NativeLines())
    yield both
    for side in both:
        side.close()


def test_both_send_the_same(sides: tuple[Side, Side]) -> None:
    for mixes in ((0, 0, 1), (1, 0, -1), (-1, 0, 0)):
        for side in sides:
            side.outbound.send(heard(*mixes))
        for number in range(2):
            packets = [side.heard(number) for side in sides]
            assert packets[0] == packets[1] and len(packets[0]) == 12 + FRAME
    assert [side.outbound.sent(1) for side in sides] == [Sent(3, 3 * FRAME, 3 * FRAME, False)] * 2


def test_both_send_the_same_opus_beside_g711(sides: tuple[Side, Side]) -> None:
    for side in sides:
        side.listen(1, 2, None)
    for voices in (sung(33, 250, place=1), sung(33, 0, place=1), sung(20, place=-1), sung(300, place=0)):
        for side in sides:
            side.outbound.send(heard(0, 0, 1, voices=voices))
        assert len({side.heard(0) for side in sides}) == 1
        if voices.places[2] >= 0 and voices.sizes[voices.places[2]]:
            first, second = (side.heard(1) for side in sides)
            assert first == second and len(first) == 12 + voices.sizes[voices.places[2]]
            assert first[1] >> 7 == (voices.sizes[0] == 300)  # the marker of what comes after silence
    assert [side.outbound.end(1) for side in sides] == [Sent(2, 4 * 960, 550, False)] * 2


def test_what_was_posted_goes_before(sides: tuple[Side, Side]) -> None:
    for side in sides:
        side.lines.post(0, b"first")
        side.outbound.send(heard(0, 0, 0))
        assert side.heard(0) == b"first" and len(side.heard(0)) == 12 + FRAME


def test_what_cannot_be_protected_is_its_legs_fault() -> None:
    keys = SUITE.new_key(), SUITE.new_key()
    side = Side(NativeLines(), Srtp.from_keys(SUITE, *keys))
    peer = Srtp.from_keys(SUITE, *reversed(keys))
    try:
        side.outbound.send(heard(0, 0, 0))
        assert len(peer.unprotect(side.heard(1))) == 12 + FRAME
        side.outbound._columns.next[1, 0] -= 1  # the same number again is refused by libsrtp
        for _ in range(2):
            side.outbound.send(heard(0, 0, 0))
        assert [ear.faults for ear in side.ears] == [0, 1]
        assert len(side.heard(0)) == len(side.heard(0)) == len(side.heard(0)) == 12 + FRAME
        assert len(peer.unprotect(side.heard(1))) == 12 + FRAME
    finally:
        side.close()


def test_who_leads_nowhere_is_sent_nothing() -> None:
    side = Side(NativeLines())
    try:
        side.lines.lead(1, None)
        side.outbound.send(heard(0, 0, 0))
        assert len(side.heard(0)) == 12 + FRAME
        side.there[1].setblocking(False)
        with pytest.raises(BlockingIOError):
            side.there[1].recv(100)
    finally:
        side.close()


def test_other_lines_are_refused() -> None:
    from relay.passing.native_packets import NativePackets

    lines = PlainLines()
    with pytest.raises(TypeError):
        NativePackets(lines)
    lines.shut()
