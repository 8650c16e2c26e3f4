"""Whatever packets come, a peer behind a NAT is learned from five of one source and SSRC that follow each other, or
from one authentic packet, and what is followed stays bounded."""

from relay.streams.rtp import RtpPacket, serialize
from relay.transport.latch import CONSISTENT, MOST_SOURCES, Latch

SEEDS = [
    b"".join(bytes((source, 0)) + serialize(RtpPacket(0, False, 7, number, 0, b""))[:12] for number in range(9))
    for source in (0, 1)
]
_RECORD = 14
"""A source, whether it is authentic, and the header of a packet."""


def one_input(data: bytes) -> None:
    latch = Latch()
    for start in range(0, len(data) - 1, _RECORD):
        record = data[start : start + _RECORD]
        authentic = record[1] == 255
        packets = latch.take(record[2:], ("192.0.2.1", record[0]), authentic)
        assert len(latch._rows) <= MOST_SOURCES
        if packets:
            assert packets[-1] == record[2:] and len(packets) == (1 if authentic else CONSISTENT)
            assert authentic or len({packet[8:12] for packet in packets}) == 1
            return


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
