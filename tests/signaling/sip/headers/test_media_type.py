import pytest

from signaling.sip.errors import ParseError
from signaling.sip.headers.media_type import Disposition, MediaType


@pytest.mark.parametrize(
    ("text", "name", "boundary"),
    [
        ("application/sdp", "application/sdp", None),
        ('Multipart/Mixed ; boundary="a b"', "multipart/mixed", "a b"),
        ("multipart/signed;boundary=x;micalg=sha1", "multipart/signed", "x"),
    ],
)
def test_media_type(text: str, name: str, boundary: str | None) -> None:
    kind = MediaType.parse(text)
    assert (kind.name, kind.boundary) == (name, boundary)
    assert MediaType.parse(str(kind)) == kind


@pytest.mark.parametrize("text", ["", "application", "a/b/c", "a/ b c", "application/sdp;;"])
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        MediaType.parse(text)


@pytest.mark.parametrize(
    ("accept", "admits"),
    [
        ("*/*", True),
        ("application/*", True),
        ("application/sdp;level=1", True),
        ("text/*", False),
        ("text/plain", False),
    ],
)
def test_accept(accept: str, admits: bool) -> None:
    assert MediaType.parse(accept).admits("application/sdp") is admits


def test_disposition() -> None:
    assert Disposition.parse("Session") == Disposition("session")
    optional = Disposition.parse("signal ; handling=optional")
    assert (optional, Disposition.parse(str(optional))) == (Disposition("signal", False), optional)
    with pytest.raises(ParseError):
        Disposition.parse("a b")
