import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.message import Headers, parse_message
from signaling.sip.messages.multipart import Part, join_parts, split_parts
from tests.signaling.sip.messages.test_torture import TORTURE

HEADERS = st.sampled_from([Headers(), Headers([("Content-Type", "text/plain")]), Headers([("X", "y"), ("Z", "ü")])])


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=40)), min_size=1, max_size=5))
def test_parts_round_trip(given_parts: list[tuple[Headers, bytes]]) -> None:
    parts = [Part(headers, body) for headers, body in given_parts]
    assert split_parts(join_parts(parts, "bound"), "bound") == parts


def test_what_stands_around_the_parts_is_nobodys() -> None:
    body = b"preamble\r\n--x  \r\n\r\none\r\n--x\r\nA: b\r\n\r\n\r\n--x--\r\nepilogue"
    assert [part.body for part in split_parts(body, "x")] == [b"one", b""]


def test_boundary_of_a_longer_one_is_not_taken_for_it() -> None:
    assert [part.body for part in split_parts(b"--x\r\n\r\n--xy\r\n--x--", "x")] == [b"--xy"]


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        (b"", "x"),
        (b"--x--\r\n", "x"),
        (b"--x\r\n\r\nopen", "x"),
        (b"--x\r\nno header\r\n\r\n\r\n--x--", "x"),
        (b"--x\r\n\r\n" * 20 + b"--x--", "x"),
        (b"--\r\n\r\n----", ""),
        (b"--x\r\n\r\n--x--", "x" * 71),
        (b"--x\r\n\r\n--x--", "x\r\n"),
    ],
)
def test_malformed(body: bytes, boundary: str) -> None:
    with pytest.raises(ParseError):
        split_parts(body, boundary)


def test_boundary_that_stands_in_a_part_is_refused() -> None:
    with pytest.raises(ValueRefused):
        join_parts([Part(Headers(), b"a\r\n--x")], "x")


def test_binary_parts_of_the_torture_message() -> None:
    message = parse_message((TORTURE / "mpart01.dat").read_bytes())
    text, signature = split_parts(message.body, "7a9cbec02ceef655")
    assert (text.kind.name, text.body) == ("text/plain", b"Hello")
    assert (signature.kind.name, len(signature.body)) == ("application/octet-stream", 342)
    assert not signature.disposition.required or signature.disposition.kind == "render"


def test_hostile_body_costs_no_time() -> None:
    began = time.process_time()
    for body in (b"\r\n--x" * 13000, b"--x\r\n" + b"\r\n-" * 20000, b"--x" + b" " * 65000):
        with pytest.raises(ParseError):
            split_parts(body, "x")
    assert time.process_time() - began < 0.5
