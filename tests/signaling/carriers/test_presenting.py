from typing import Any

import pytest

from signaling.carriers.presenting import Shown, present
from signaling.center.resources import Outbound
from signaling.sip.errors import ValueRefused
from signaling.sip.headers.identity import read_identity
from signaling.sip.messages.message import Headers
from signaling.sip.messages.uri import Uri

CALLED = Uri("sip", "+4930123", "carrier.test")
OURS = "<sip:+15550100@us.test>"


def rule(**more: Any) -> Outbound:
    return Outbound(("carrier.test",), **more)


def shown(number: str = "+15550100", passed_on: str = "") -> Shown:
    return Shown(number, "Acme", "us.test", CALLED, passed_on)


@pytest.mark.parametrize(
    ("identity", "number", "caller", "fields"),
    [
        ("from", "+15550100", f'"Acme" {OURS}', ()),
        ("from", "", '"Anonymous" <sip:anonymous@anonymous.invalid>', ()),
        ("asserted", "+15550100", f'"Acme" {OURS}', (("P-Asserted-Identity", f'"Acme" {OURS}'),)),
        ("asserted", "", '"Anonymous" <sip:anonymous@anonymous.invalid>', ()),
        (
            "anonymous",
            "+15550100",
            '"Anonymous" <sip:anonymous@anonymous.invalid>',
            (("P-Asserted-Identity", OURS), ("Privacy", "id")),
        ),
    ],
)
def test_who_is_said_to_call(identity: str, number: str, caller: str, fields: tuple[Any, ...]) -> None:
    said, beside = present(rule(identity=identity), shown(number))
    assert (str(said), beside) == (caller, fields)


def test_the_number_that_is_asserted_may_be_another_than_the_one_that_is_shown() -> None:
    said, fields = present(rule(identity="asserted", asserted="+49891234#0"), shown())
    assert str(said) == f'"Acme" {OURS}'
    assert fields == (("P-Asserted-Identity", '"Acme" <sip:+49891234%230@us.test>'),)
    assert present(rule(identity="anonymous", asserted="123"), shown(""))[1][0][1] == "<sip:123@us.test>"


@pytest.mark.parametrize("history", ["diversion", "history"])
@pytest.mark.parametrize("identity", ["from", "anonymous"])
def test_by_whom_a_call_was_passed_on_can_be_read_as_such(history: str, identity: str) -> None:
    _, fields = present(rule(history=history, identity=identity), shown(passed_on="+15550199"))
    read = read_identity(Headers(fields))
    assert read.diverted_from == "+15550199"
    assert read.is_hidden == (identity == "anonymous")
    text = "\n".join(value for name, value in fields if name in ("Diversion", "History-Info"))
    assert ("privacy=full" in text or "Privacy=history" in text) == (identity == "anonymous")
    if history == "history":
        assert [address.uri.user for address in read.history] == ["+15550199", "+4930123"]


def test_a_call_of_our_own_has_no_history() -> None:
    assert present(rule(history="diversion"), shown())[1] == ()
    assert present(rule(), shown(passed_on="+15550199"))[1] == ()


@pytest.mark.parametrize("history", ["diversion", "history"])
def test_nothing_is_injected_by_a_number(history: str) -> None:
    for field in ({"number": "1\r\nVia: x"}, {"passed_on": "1>;a=b"}):
        with pytest.raises(ValueRefused):
            present(rule(history=history, identity="asserted"), shown(**field))
