import pytest

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.headers.authentication import (
    MAX_COUNT,
    MAX_VALUES,
    Challenge,
    Credentials,
    Usage,
    read_challenges,
    read_credentials,
)
from signaling.sip.messages.message import Headers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('Digest realm="a.com", nonce="f84f1", opaque="", stale=FALSE', Challenge("a.com", "f84f1", "MD5", (), "")),
        (
            'digest  nonce="a,b" ,realm="the \\"best\\"; of all",algorithm=sha-256,qop="auth, auth-int",'
            'stale=TRUE,domain="sip:x"',
            Challenge('the "best"; of all', "a,b", "SHA-256", ("auth", "auth-int"), None, True),
        ),
        ('Digest realm="", nonce=abc, qop=auth', Challenge("", "abc", "MD5", ("auth",))),
    ],
)  # fmt: skip
def test_challenge(text: str, value: Challenge) -> None:
    assert Challenge.parse(text) == value
    assert Challenge.parse(str(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            'Digest username="bob", realm="biloxi.com", nonce="dcd98", uri="sip:bob@biloxi.com", qop=auth, nc=0000001f,'
            ' cnonce="0a4f113b", response="6629FAE49393A053", opaque="5ccc0"',
            Credentials("bob", "biloxi.com", "dcd98", "sip:bob@biloxi.com", "6629fae49393a053", "MD5",
                        Usage(31, "0a4f113b"), "5ccc0"),
        ),
        (
            'Digest username="b\\\\o",realm="r",nonce="n",uri="sip:x",response="00",algorithm=SHA-256',
            Credentials("b\\o", "r", "n", "sip:x", "00", "SHA-256"),
        ),
    ],
)  # fmt: skip
def test_credentials(text: str, value: Credentials) -> None:
    assert Credentials.parse(text) == value
    assert Credentials.parse(str(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "Digest", "Digest ", 'Basic realm="x"', 'Digest realm="x"', 'Digest nonce="x"',
        'Digest realm="x", nonce=""', 'Digest realm="x", nonce="y", algorithm="a b"', 'Digest realm="x, nonce="y"',
        'Digest realm="x", nonce="y", qop="a b"', 'Digest realm="x", nonce="y", nonce="z"',
        'Digest realm="x", nonce="y", stale',
    ],
)  # fmt: skip
def test_malformed_challenge(text: str) -> None:
    with pytest.raises(ParseError):
        Challenge.parse(text)


WHOLE = 'Digest username="a", realm="b", nonce="c", uri="sip:d", response="00ff", qop=auth, nc=00000001, cnonce="e"'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('username="a", ', ""), (', realm="b"', ""), (', nonce="c"', ""), (', uri="sip:d"', ""), ('"00ff"', '""'),
        ('"00ff"', '"0g"'), (", nc=00000001", ""), ("00000001", "1"), (', cnonce="e"', ""), ("qop=auth", 'qop=""'),
    ],
)  # fmt: skip
def test_malformed_credentials(old: str, new: str) -> None:
    Credentials.parse(WHOLE)
    with pytest.raises(ParseError):
        Credentials.parse(WHOLE.replace(old, new))


def test_values_of_ours_cannot_break_out() -> None:
    for make in (
        lambda: Challenge("a\r\nVia: b", "c"),
        lambda: Challenge("a", "b", "MD5,x"),
        lambda: Credentials("a\nb", "c", "d", "sip:e", ""),
        lambda: Credentials("a", "b", "c", "sip:d", '"'),
        lambda: Usage(1, "\r"),
        lambda: Usage(MAX_COUNT + 1, "a"),
    ):
        with pytest.raises(ValueRefused):
            make()


def test_no_one_is_named_in_a_repr() -> None:
    assert "ada" not in repr(Credentials("ada", "r", "n", "sip:ada@b", "00"))


def test_what_is_for_others_is_passed_over() -> None:
    headers = Headers(
        [
            ("WWW-Authenticate", 'Bearer realm="x"'),
            ("WWW-Authenticate", 'Digest realm="a", nonce="1"'),
            ("www-authenticate", 'Digest realm="b", nonce="2"'),
            ("Authorization", "rubbish"),
            ("Authorization", WHOLE),
        ]
    )
    assert [challenge.realm for challenge in read_challenges(headers, "WWW-Authenticate")] == ["a", "b"]
    assert read_challenges(headers, "Proxy-Authenticate") == []
    assert read_credentials(headers, "Authorization", "b") == Credentials.parse(WHOLE)
    assert read_credentials(headers, "Authorization", "a") is None


def test_a_flood_of_challenges_is_not_read() -> None:
    headers = Headers([("WWW-Authenticate", 'Digest realm="a", nonce="1"')] * 100)
    assert len(read_challenges(headers, "WWW-Authenticate")) == MAX_VALUES
