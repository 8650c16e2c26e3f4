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
    ("stream", "status"),
    [
        (b"OPTIONS sip:a SIP/2.0\r\n\r\n", 400),
        (b"OPTIONS sip:a SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n", 400),
        (b"OPTIONS sip:a SIP/2.0\r\nl: -1\r\n\r\n", 400),
        (b"OPTIONS sip:a SIP/2.0\r\nl: 65536\r\n\r\n", 513),
        (b"OPTIONS sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"OPTIONS sip:a SIP/2.0\r\n" + b"a" * 65537, 513),
        (b"GET / HTTP/1.1\r\n", 400),
        (b"a" * 8194, 400),
    ],
)
def test_stream_that_cannot_be_followed(stream: bytes, status: int) -> None:
    with pytest.raises(FramingError) as refused:
        list(StreamFramer().feed(ONE + stream))
    assert refused.value.status == status
    assert refused.value.head == (stream if b"\r\n\r\n" in stream else b"")


def test_what_a_body_has_beyond_its_length_is_no_message() -> None:
    """Else the message behind it would be taken for its headers, and lost."""
    feed = StreamFramer().feed(ONE.replace(b": 4", b": 1") + b"\r\n" + ONE)
    assert next(feed).endswith(b"\r\n\r\nb")
    with pytest.raises(FramingError):
        next(feed)


def test_a_first_line_is_waited_for() -> None:
    framer = StreamFramer()
    assert list(framer.feed(b"OPTIONS " + b"a" * 8000 + b"\r")) == [] and framer.is_within


def test_a_message_is_within_from_its_first_octet_to_its_last() -> None:
    framer = StreamFramer()
    within = [framer.is_within]
    for piece in (b"\r\n", ONE[:1], ONE[1:], b"\r", b"\n\r\n"):
        list(framer.feed(piece))
        within.append(framer.is_within)
    assert within == [False, False, True, False, False, False]


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
    """One at a time they would block every call for seconds."""
    cuts = 0

    class Counted(StreamFramer):
        def _cut(self, size: int) -> bytes:
            nonlocal cuts
            cuts += 1
            return super()._cut(size)

    assert list(Counted().feed(b"\n" * (1 << 22) + ONE)) == [ONE]
    assert cuts == 2
