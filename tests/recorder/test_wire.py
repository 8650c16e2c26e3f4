import pytest

from recorder.wire import OVERHEAD, Codec, Kind, Record, WireError, cut, pack, unpack

RECORDS = [
    Record(bytes(range(16)), Kind.BEGIN, 3, 2**62),
    Record(bytes(16), Kind.PACKET, 255, -1, Codec.OPUS, 2**40, 2**41, 2**32 - 1, b"payload"),
    Record(bytes(16), Kind.GAP, 0, 7, sequence=5, timestamp=3),
]
BATCH = b"".join(map(pack, RECORDS))


def test_round_trip() -> None:
    assert list(unpack(BATCH)) == RECORDS
    assert list(unpack(b"12345678" + BATCH, 8)) == RECORDS


def test_slices_are_the_records_as_they_were_packed() -> None:
    slices = list(cut(BATCH))
    assert [piece.data for piece in slices] == [pack(record) for record in RECORDS]
    assert [piece[:4] for piece in slices] == [record[:4] for record in RECORDS]


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: data[:16] + b"\0" + data[17:]]
)
def test_bad_batches(change: object) -> None:
    assert callable(change)
    for parse in (unpack, cut):
        with pytest.raises(WireError):
            list(parse(change(BATCH)))


def test_what_came_before_the_damage_is_had() -> None:
    records = unpack(BATCH[: OVERHEAD + 5])
    assert next(records) == RECORDS[0]
    with pytest.raises(WireError):
        next(records)
