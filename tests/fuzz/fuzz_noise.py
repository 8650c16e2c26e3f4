"""A comfort noise payload is refused with NoiseError or gives noise of the length asked for, whatever it describes."""

from relay.codecs.noise import NoiseSource, parse
from relay.streams.malformed import NoiseError

SEEDS: list[bytes] = [b"\x1e", b"\x1e\xb4\x5a\x80", b"\x00" + b"\xff" * 30, b"\xff" + b"\x00" * 16, b""]


def one_input(data: bytes) -> None:
    try:
        source = NoiseSource(parse(data))
    except NoiseError:
        assert not data
        return
    assert len(source.frame(160)) == len(source.frame(160)) == 160


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
