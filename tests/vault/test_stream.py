import secrets

import pytest

from vault.pii import Pii
from vault.stream import PREFIX, SEGMENT, TAG, Sealer, StreamDamaged, StreamKey, open_range, plain_size, sealed_range

KEY = StreamKey(Pii(bytes(range(32))), b"prefix-", b"owner")
SIZES = (0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 3 * SEGMENT + 17)


def sealed(plain: bytes, piece: int = 50_000) -> bytes:
    sealer = Sealer(KEY)
    pieces = [sealer.write(plain[start : start + piece]) for start in range(0, len(plain), piece)]
    return b"".join(pieces) + sealer.finish()


def opened(whole: bytes, start: int, length: int, key: StreamKey = KEY) -> bytes:
    first, end = sealed_range(start, length, len(whole))
    return open_range(key, start, length, (whole[first:end], len(whole)))


@pytest.mark.parametrize("size", SIZES)
def test_round_trip(size: int) -> None:
    plain = secrets.token_bytes(size)
    whole = sealed(plain)
    assert plain_size(len(whole)) == size
    assert opened(whole, 0, size) == plain
    assert plain[:64] not in whole or size < 8, "a few octets may stand in the sealed stream by chance"


@pytest.mark.parametrize(
    "start, length", [(0, 1), (SEGMENT - 1, 2), (SEGMENT, SEGMENT), (100_000, 90_000), (3 * SEGMENT, 17)]
)
def test_any_range_opens_alone(start: int, length: int) -> None:
    plain = secrets.token_bytes(3 * SEGMENT + 17)
    assert opened(sealed(plain), start, length) == plain[start : start + length]


def test_pieces_of_any_size_give_the_same() -> None:
    plain = secrets.token_bytes(2 * SEGMENT + 5)
    assert sealed(plain, 1000) == sealed(plain, 200_000)


def test_every_change_is_found() -> None:
    plain = secrets.token_bytes(2 * SEGMENT + 5)
    whole = sealed(plain)
    step = SEGMENT + TAG
    flipped = bytearray(whole)
    flipped[70_000] ^= 1
    changed = {
        "flipped": bytes(flipped),
        "cut between segments": whole[: 2 * step],
        "cut in a segment": whole[:-3],
        "swapped": whole[step : 2 * step] + whole[:step] + whole[2 * step :],
        "left out": whole[:step] + whole[2 * step :],
        "repeated": whole[: 2 * step] + whole[step:],
        "longer": whole + b"\0",
    }
    for name, other in changed.items():
        with pytest.raises(StreamDamaged):
            opened(other, 0, plain_size(len(other)))
            pytest.fail(f"{name} was not found")


def test_another_owner_or_prefix_does_not_open_it() -> None:
    whole = sealed(b"sound")
    for other in (
        StreamKey(Pii(bytes(range(32))), b"prefix-", b"other"),
        StreamKey(Pii(bytes(range(32))), bytes(PREFIX), b"owner"),
    ):
        with pytest.raises(StreamDamaged):
            opened(whole, 0, 5, other)


@pytest.mark.parametrize("size", [0, 1, TAG - 1, SEGMENT + TAG + 3, SEGMENT + 2 * TAG])
def test_lengths_that_no_stream_has(size: int) -> None:
    with pytest.raises(StreamDamaged):
        plain_size(size)
