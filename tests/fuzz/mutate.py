"""Seeded mutations of good inputs: what a fuzzer does without coverage, the same in every run. Pure."""

import random
from collections.abc import Iterator, Sequence

INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


def mutations(seeds: Sequence[bytes], count: int, seed: int = 1) -> Iterator[bytes]:
    """The seeds themselves, then `count` inputs made of them."""
    yield from seeds
    rng = random.Random(seed)
    for _ in range(count):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            _change(data, seeds, rng)
        yield bytes(data)


def _change(data: bytearray, seeds: Sequence[bytes], rng: random.Random) -> None:
    if not data:
        data += rng.randbytes(rng.randint(1, 32))
        return
    at, length = rng.randrange(len(data)), rng.randint(1, 16)
    match rng.randrange(6):
        case 0:
            data[at] ^= 1 << rng.randrange(8)
        case 1:
            data[at] = rng.choice(INTERESTING)
        case 2:
            del data[at : at + length]
        case 3:
            data[at:at] = data[at : at + length] * rng.randint(1, 40)
        case 4:
            other = rng.choice(seeds)
            start = rng.randrange(len(other) + 1)
            data[at:] = other[start:]
        case _:
            data[at : at + length] = rng.randbytes(length)
