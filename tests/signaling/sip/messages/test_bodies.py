import pytest

from signaling.sip.errors import ParseError
from signaling.sip.messages.bodies import read_contents, read_sdp
from signaling.sip.messages.message import Headers, Request
from signaling.sip.messages.multipart import Part, join_parts
from tests.signaling.sip.network import OFFER

PLAIN = Part(Headers([("Content-Type", "text/plain")]), b"hello")
SESSION = Part(Headers([("Content-Type", "application/sdp")]), OFFER.encode())
ISUP = Part(
    Headers([("Content-Type", "application/isup;version=itu-t92+"), ("Content-Disposition", "signal")]), b"\0\1"
)
OPTIONAL = Part(
    Headers([("Content-Type", "application/isup"), ("Content-Disposition", "signal; handling=optional")]), b"\0"
)


def message(parts: list[Part], subtype: str = "mixed") -> Request:
    headers = Headers([("Content-Type", f'multipart/{subtype};boundary="a b"')])
    return Request("INVITE", "sip:a@b", headers, join_parts(parts, "a b"))


def test_session_description_alone() -> None:
    assert read_sdp(Request("INVITE", "sip:a@b", Headers([("c", "Application/SDP;x=y")]), OFFER.encode())) == OFFER
    assert read_sdp(Request("INVITE", "sip:a@b", Headers(), OFFER.encode())) == OFFER
    assert read_sdp(Request("INVITE", "sip:a@b")) is None


@pytest.mark.parametrize(
    ("parts", "sdp", "unknown"),
    [
        ([SESSION], OFFER, ""),
        ([PLAIN, SESSION], OFFER, "text/plain"),
        ([OPTIONAL, SESSION], OFFER, ""),
        ([SESSION, ISUP], OFFER, "application/isup"),
        ([OPTIONAL], None, ""),
    ],
)
def test_session_description_among_parts(parts: list[Part], sdp: str | None, unknown: str) -> None:
    contents = read_contents(message(parts))
    assert (contents.sdp, contents.unknown) == (sdp, unknown)


def test_one_of_the_alternatives_is_enough() -> None:
    assert read_contents(message([PLAIN, SESSION], "alternative")).unknown == ""


def test_parts_within_parts_are_read_but_not_without_end() -> None:
    inner = [SESSION]
    for depth in range(5):
        whole = message(inner)
        assert (read_sdp(whole) == OFFER) == (depth < 3)
        inner = [Part(whole.headers, whole.body.replace(b"a b", b"%d" % depth))]
        inner = [Part(Headers([("Content-Type", f"multipart/mixed;boundary={depth}")]), inner[0].body)]


def test_body_that_cannot_be_taken_apart() -> None:
    broken = Request("INVITE", "sip:a@b", Headers([("c", "multipart/mixed;boundary=x")]), b"--x\r\n\r\nno end")
    with pytest.raises(ParseError):
        read_contents(broken)
    assert read_sdp(broken) is None


def test_optional_body_of_unknown_type_is_left_alone() -> None:
    headers = Headers([("Content-Type", "application/x"), ("Content-Disposition", "render;handling=optional")])
    assert read_contents(Request("INVITE", "sip:a@b", headers, b"x")).unknown == ""
