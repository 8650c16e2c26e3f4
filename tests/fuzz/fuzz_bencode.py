"""What a bencode decoder takes is a value that encodes and decodes to itself; everything else is a ValueError."""

from bench.load.targets.bencode import decode, encode

SEEDS: list[bytes] = [
    b"d6:result2:ok3:sdp4:v=0\n5:totali12ee",
    b"li-1eld0:deeee",
    b"12:error-reason",
]


def one_input(data: bytes) -> None:
    try:
        value = decode(data)
    except ValueError:
        return
    assert decode(encode(value)) == value


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
