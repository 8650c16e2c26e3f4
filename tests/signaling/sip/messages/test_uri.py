import pytest

from signaling.sip.errors import ParseError, ValueRefused
from signaling.sip.messages.uri import Uri, format_host, parse_address


@pytest.mark.parametrize(
    "text",
    [
        "sip:example.com",
        "sip:+4930123:pw@example.com:5062;transport=tcp;lr?subject=x",
        "sips:[2001:db8::10]:5070",
        "sip:user;par=u%40example.net@example.com",
        "tel:+4930123;phone-context=example.com",
        "urn:service:sos",
    ],
)
def test_round_trip(text: str) -> None:
    assert str(Uri.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("sip:%2B4930@x", "+4930"),
        ("sip:+4930;isub=1@x", "+4930"),
        ("sip:ada:secret@x", "ada"),
        ("tel:+1-201;phone-context=a", "+1-201"),
        ("sip:x", ""),
        ("sip:a%00%0D%0Ab@x", "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"),
        ("sip:%FF@x", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_name_is_what_a_person_reads(text: str, name: str) -> None:
    assert Uri.parse(text).name == name


@pytest.mark.parametrize(
    "text",
    [
        "", "sip:", "sip:@x", "sip:a@b@c", "sip:a b@c", "sip:x:99999", "sip:[::1", "sip:[1.2]", "sip:2001:db8::1",
        "<sip:a@b>", "sip:x;a=\"b c\"", "sip:x;a=b\r\nc", "sip:x?a b", "nothing", "sip:ä@x", "tel:", "x:a b",
    ],
)  # fmt: skip
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        Uri.parse(text)


def test_of_ours_cannot_break_out() -> None:
    with pytest.raises(ValueRefused):
        Uri("sip", "a\r\nRoute: b", "example.com")
    with pytest.raises(ValueRefused):
        Uri("sip", "a", "example.com>")


def test_addresses() -> None:
    assert (parse_address("[::1]"), parse_address("10.0.0.1"), parse_address("a.b")) == ("::1", "10.0.0.1", None)
    assert (format_host("::1"), format_host("10.0.0.1")) == ("[::1]", "10.0.0.1")
