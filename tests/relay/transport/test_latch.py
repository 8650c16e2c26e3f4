"""Whose packets make a source the peer's."""

import pytest

from relay.streams.rtp import RtpPacket, serialize
from relay.transport.latch import CONSISTENT, MOST_MISSING, MOST_SOURCES, Latch

PEER, OTHER = ("192.0.2.1", 4000), ("192.0.2.2", 4000)


def packet(number: int, ssrc: int = 7) -> bytes:
    return serialize(RtpPacket(0, False, ssrc, number & 0xFFFF, 0, b"sound"))


def test_one_authentic_packet_is_enough() -> None:
    assert Latch().take(packet(1), PEER, authentic=True) == [packet(1)]


@pytest.mark.parametrize("start", [1, 0xFFFD])
def test_in_clear_five_that_belong_together_are(start: int) -> None:
    latch = Latch()
    numbers = [start, start + 1, start + 2 + MOST_MISSING - 1, start + MOST_MISSING + 2, start + MOST_MISSING + 3]
    packets = [packet(number) for number in numbers]
    taken = [latch.take(each, PEER, authentic=False) for each in packets]
    assert taken == [[]] * (CONSISTENT - 1) + [packets]


@pytest.mark.parametrize(
    "odd", [packet(1), packet(9999), packet(4, ssrc=8)], ids=["again", "far away", "of another source"]
)
def test_a_packet_that_does_not_belong_breaks_the_row_of_its_source_only(odd: bytes) -> None:
    latch = Latch()
    for number in (1, 2, 3, 4):
        assert latch.take(packet(number), PEER, authentic=False) == []
        latch.take(odd, OTHER, authentic=False)
    assert len(latch.take(packet(5), PEER, authentic=False)) == CONSISTENT
    broken = Latch()
    for number in (1, 2, 3, 4):
        broken.take(packet(number), PEER, authentic=False)
    broken.take(packet(1), PEER, authentic=False)
    assert broken.take(packet(5), PEER, authentic=False) == []


def test_what_is_followed_is_bounded_and_short_packets_are_nothing() -> None:
    latch = Latch()
    for host in range(4 * MOST_SOURCES):
        assert latch.take(packet(1), (f"198.51.100.{host}", 1), authentic=False) == []
    assert len(latch._rows) == MOST_SOURCES
    assert latch.take(b"\x80\x00", PEER, authentic=True) == []
