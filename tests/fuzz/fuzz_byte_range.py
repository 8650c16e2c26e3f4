"""Whatever a Range header says, the span lies within the sound, or the range is refused by name."""

from signaling.api.errors import RangeNotSatisfiable
from signaling.api.ranges import span_of

SEEDS: list[bytes] = [b"bytes=0-499", b"bytes=500-", b"bytes=-500", b"bytes=0-0,5-9", b"bytes=1000-", b"BYTES=9-1"]
TOTAL = 1000


def one_input(data: bytes) -> None:
    try:
        span = span_of(data.decode("latin-1"), TOTAL)
    except RangeNotSatisfiable:
        return
    assert span is None or 0 <= span.start < span.end <= TOTAL


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
