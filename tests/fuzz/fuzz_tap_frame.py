"""Whatever a worker writes, records come out or WireError; what comes out packs to the bytes that it was read from."""

from ipc.frames import FrameError, FrameReader
from recorder.wire import BATCH, Codec, Kind, Record, WireError, cut, pack, unpack

_RECORDS = (
    Record(bytes(16), Kind.BEGIN, 0, 1),
    Record(bytes(16), Kind.PACKET, 0, 2, Codec.PCMU, 3, 160, 5, bytes(20)),
    Record(bytes(16), Kind.PACKET, 1, 2, Codec.OPUS, 3, 960, 6, b"\x08opus"),
    Record(bytes(16), Kind.GAP, 1, 9, sequence=4, timestamp=3),
    Record(bytes(16), Kind.END, 0, 10),
)
_BATCH = BATCH.pack(1) + b"".join(map(pack, _RECORDS))
SEEDS: list[bytes] = [_BATCH, BATCH.pack(2) + pack(_RECORDS[1]), len(_BATCH).to_bytes(4, "big") + _BATCH]


def one_input(data: bytes) -> None:
    _as_stream(data)
    _as_batch(data)


def _as_stream(data: bytes) -> None:
    try:
        payloads = FrameReader().feed(data)
    except FrameError:
        return
    for payload in payloads:
        _as_batch(payload)


def _as_batch(data: bytes) -> None:
    records: list[Record] = []
    slices: list[bytes] = []
    errors = 0
    try:
        records.extend(unpack(data, BATCH.size))
    except WireError:
        errors += 1
    try:
        slices.extend(piece.data for piece in cut(data, BATCH.size))
    except WireError:
        errors += 1
    assert errors != 1, "both readers agree on what is bad"
    for record, piece in zip(records, slices, strict=False):
        packed = pack(record)
        # One byte of a record is padding, and says nothing.
        assert packed[:19] == piece[:19] and packed[20:] == piece[20:]


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
