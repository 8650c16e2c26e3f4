import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.message import MAX_HEADERS, MAX_LINE, Headers, Message, Request, Response, parse_message

TOKEN = st.text(string.ascii_letters + string.digits + "-.!%*_+`'~", min_size=1, max_size=20)
VALUE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=60).map(str.strip)
FIELDS = st.lists(st.tuples(TOKEN.filter(lambda name: name.lower() not in ("l", "content-length")), VALUE), max_size=12)
REQUESTS = st.builds(Request, TOKEN, st.just("sip:a@b"), FIELDS.map(Headers), st.binary(max_size=300))
RESPONSES = st.builds(Response, st.integers(100, 699), VALUE, FIELDS.map(Headers), st.binary(max_size=300))


@given(st.one_of(REQUESTS, RESPONSES))
def test_round_trip(message: Message) -> None:
    assert parse_message(bytes(message)) == message


@given(st.binary(max_size=400))
def test_any_octets_are_a_message_or_a_parse_error(data: bytes) -> None:
    try:
        message = parse_message(b"OPTIONS sip:a SIP/2.0\r\n" + data)
    except ParseError as error:
        assert error.request is not None
    else:
        assert parse_message(bytes(message)) == message


def parse(*lines: str, body: bytes = b"") -> Message:
    return parse_message("\r\n".join(("OPTIONS sip:a SIP/2.0", *lines, "", "")).encode() + body)


def test_folded_compact_and_odd_spacing() -> None:
    message = parse("v: one,", "\t two", "  ", "CALL-ID :  x ", "X-Own:", "via:three")
    assert list(message.headers) == [("Via", "one, two"), ("Call-ID", "x"), ("X-Own", ""), ("Via", "three")]
    assert message.headers.items("via") == ["one", "two", "three"]


def test_octets_after_content_length_are_not_the_body() -> None:
    assert parse("l: 3", body=b"abcdef").body == b"abc"
    assert parse(body=b"abcdef").body == b"abcdef"


def test_octets_that_are_no_utf8_survive() -> None:
    data = b"OPTIONS sip:a SIP/2.0\r\nSubject: \xff\xfe\r\nContent-Length: 0\r\n\r\n"
    assert bytes(parse_message(data)) == data


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("Content-Length: 9",), 400),
        (("Content-Length: -1",), 400),
        (("Content-Length: 0", "l: 1"), 400),
        (("Content-Length: 0", "l: 0"), 400),
        (("no colon",), 400),
        (("bad name: x",), 400),
        (("a: b\rc",), 400),
        (("a: b\nVia: c",), 400),
        (("a: " + "x" * MAX_LINE,), 400),
        (("a: b",) * (MAX_HEADERS + 1), 513),
        (("a: b" * 20000,), 513),
    ],
)
def test_limits_and_malformed_fields(lines: tuple[str, ...], status: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse("Call-ID: kept", *lines)
    assert caught.value.status == status
    if len(lines[0]) < 65536:
        assert caught.value.request is not None
        assert caught.value.request.headers.get("Call-ID") == "kept"


@pytest.mark.parametrize(
    "line",
    [
        b"", b"\xff\xfe", b"SIP/2.0 99 x", b"SIP/2.0 700 x", b"SIP/2.0 200", b"GET / HTTP/1.1", b"SIP/2.0 200 a\rb",
        b"INVITE sip:" + b"a" * MAX_LINE + b" SIP/2.0",
    ],
)  # fmt: skip
def test_malformed_start_lines(line: bytes) -> None:
    with pytest.raises(ParseError):
        parse_message(line + b"\r\nCall-ID: x\r\n\r\n")


def test_other_version_is_505() -> None:
    with pytest.raises(ParseError) as caught:
        parse_message(b"INVITE sip:a SIP/3.0\r\n\r\n")
    assert caught.value.status == 505


def test_headers_cannot_be_injected() -> None:
    for fields in ([("To", "a\r\nVia: b")], [("a:b", "c")], [("a", "b\n")]):
        with pytest.raises(ValueRefused):
            Headers(fields)
    with pytest.raises(ValueRefused):
        Request("INVITE", "sip:a SIP/2.0\r\nVia: b", Headers())
    with pytest.raises(ValueRefused):
        Response(200, "OK\r\nVia: b", Headers())


def test_repr_names_no_one() -> None:
    message = parse_message(b"INVITE sip:+4930@a SIP/2.0\r\nFrom: <sip:+4917@b>\r\n\r\n")
    assert "49" not in repr(message)
