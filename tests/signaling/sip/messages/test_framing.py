import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import FramingError
from signaling.sip.messages.framing import PING, StreamFramer

ONE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nbody"
TWO = b"SIP/2.0 200 OK\r\nl:\r\n 0\r\nX: content-length: 7\r\n\r\n"


@given(st.lists(st.sampled_from([ONE, TWO, PING]), max_size=6), st.lists(st.integers(1, 40), max_size=30))
def test_messages_come_out_however_the_stream_is_cut(messages: list[bytes], cuts: list[int]) -> None:
    stream, found, framer = b"".join(messages), list[bytes](), StreamFramer()
    for cut in cuts:
        found += framer.feed(stream[:cut])
        stream = stream[cut:]
    found += framer.feed(stream)
    assert found == messages


def test_single_line_ends_between_messages_are_skipped() -> None:
    assert list(StreamFramer().feed(b"\r\n" + ONE + b"\n" + TWO)) == [ONE, TWO]


@pytest.mark.parametrize(
    "stream",
    [
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nl: -1\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nl: 65536\r\n\r\n",
        b"a" * 65537,
    ],
)
def test_stream_that_cannot_be_followed(stream: bytes) -> None:
    with pytest.raises(FramingError):
        list(StreamFramer().feed(ONE + stream))


def test_messages_before_the_fault_come_out() -> None:
    feed = StreamFramer().feed(ONE + b"x\r\n\r\n")
    assert next(feed) == ONE
    with pytest.raises(FramingError):
        next(feed)


@given(st.text("\r\n", max_size=12), st.integers(0, 12))
def test_line_ends_between_messages_mean_the_same_however_they_are_cut(text: str, cut: int) -> None:
    breaks = text.encode()
    whole, halves = StreamFramer(), StreamFramer()
    assert [*halves.feed(breaks[:cut]), *halves.feed(breaks[cut:] + ONE)] == [*whole.feed(breaks + ONE)]


def test_a_flood_of_line_ends_costs_little() -> None:
    began = time.process_time()
    assert list(StreamFramer().feed(b"\n" * (1 << 22) + ONE)) == [ONE]
    assert time.process_time() - began < 1.0  # one at a time they take 1.5 s here, and block every call meanwhile
