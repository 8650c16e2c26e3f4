"""Bytes are either refused with RtpError or a packet that, serialized and parsed again, is the same.

Whatever the counters, extending them changes none of their low bits.
"""

from relay.streams.rtp import RtpError, StreamExtender, parse, serialize

SEEDS: list[bytes] = [
    bytes.fromhex("80600001000000a000000007") + b"sound",
    bytes.fromhex("80e0ffffffffffff00000007"),
    bytes.fromhex("92600001000000a00000000700000001 00000002bede000110850000") + b"sound",
    bytes.fromhex("a0600001000000a000000007") + b"sound\0\0\0\4",
    bytes.fromhex("bf600001000000a000000007") + bytes(60) + b"\0\0\0\0sound\1",
]


def one_input(data: bytes) -> None:
    try:
        packet = parse(data)
    except RtpError:
        return
    assert parse(serialize(packet)) == packet
    assert parse(serialize(StreamExtender().read(data))) == packet


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
