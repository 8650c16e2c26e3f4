"""Whatever is in a spool file, the frames that are read are the first of those written, or Damaged is raised."""

from recorder.errors import Damaged
from recorder.keeping.keys import Owner
from recorder.spooling.segment import FrameKind, Segment, pack_counts
from vault.pii import Pii

_KEY = Pii(bytes(range(32)))
_OWNER = Owner("account", "instance", "contact", "0" * 32)
_SEGMENT = Segment(_KEY, _OWNER, 3, bytes(range(32)))
_BODIES = (pack_counts({0: 5}), b"records", b"", b"more records", pack_counts({0: 5, 3: 5}))
_KINDS = (FrameKind.OPENED, FrameKind.RECORDS, FrameKind.RECORDS, FrameKind.RECORDS, FrameKind.CLOSED)
_FRAMES = [_SEGMENT.seal(number, kind, body) for number, (kind, body) in enumerate(zip(_KINDS, _BODIES, strict=True))]
SEEDS: list[bytes] = [
    _SEGMENT.header + b"".join(_FRAMES),
    _SEGMENT.header + b"".join(_FRAMES[:2]),
    _SEGMENT.header + _FRAMES[0] + _FRAMES[2],
]


def one_input(data: bytes) -> None:
    read = []
    try:
        for frame in Segment.parse(_KEY, _OWNER, 3, data).frames(data):
            read.append((frame.kind, frame.body))
            assert data[frame.offset : frame.offset + frame.length] == _FRAMES[frame.sequence]
    except Damaged:
        return
    finally:
        assert read == list(zip(_KINDS, _BODIES, strict=True))[: len(read)]


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
