import pytest

from signaling.sip.errors import ParseError
from signaling.sip.reaching.targets import Target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("sip.test", Target("sip.test")),
        ("sip.test:5070", Target("sip.test", 5070)),
        ("192.0.2.1;transport=TCP", Target("192.0.2.1", None, "tcp")),
        ("[2001:db8::1]:5061;transport=tls", Target("2001:db8::1", 5061, "tls")),
    ],
)
def test_what_a_target_may_be(text: str, target: Target) -> None:
    assert Target.parse(text) == target


@pytest.mark.parametrize(
    "text", ["", "a b", "x:70000", "x:0", "user@x", "x;transport=sctp", "x;lr", "x;transport", "x?Route=y", "x\r\ny"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ParseError):
        Target.parse(text)
