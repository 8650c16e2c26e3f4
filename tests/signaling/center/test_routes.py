import pytest

from signaling.center.resources import NumberRule, Outbound, Trunk
from signaling.center.routes import dialled, is_pattern, routes
from vault.pii import Pii

NUMBERS = {"+15550100", "+15550101"}


def trunk(name: str, *rules: NumberRule, **more: object) -> Trunk:
    outbound = Outbound(("sip.test",), rules or (NumberRule(),), **more)  # type: ignore[arg-type]
    return Trunk(name, (), outbound=outbound)


def names(called: str, *trunks: Trunk) -> list[str]:
    return [route.trunk.name for route in routes(trunks, NUMBERS, Pii(called), "")]


def test_the_trunk_that_says_most_of_the_number_comes_first_then_priority_then_order() -> None:
    everywhere = trunk("any", NumberRule("*", 1))
    second, first = trunk("de-2", NumberRule("+49*", 2)), trunk("de-1", NumberRule("+49*", 1))
    mobile = trunk("mobile", NumberRule("+4917*", 9))
    assert names("+49171234", everywhere, second, first, mobile) == ["mobile", "de-1", "de-2", "any"]
    assert names("+15551234", everywhere, second, trunk("also", NumberRule("*", 1))) == ["any", "also"]
    assert names("+33123", second, mobile) == []


def test_a_trunk_without_a_way_out_carries_nothing() -> None:
    assert names("+49171", Trunk("in", ("192.0.2.1",))) == []


@pytest.mark.parametrize(
    ("pattern", "number", "fits"),
    [
        ("112", "112", True), ("112", "1123", False), ("112*", "1123", True), ("11X", "115", True),
        ("11X", "11*", False), ("+1XXX", "+1234", True), ("+1XXX", "+123", False), ("*", "+1", True),
        ("*9", "*9", True), ("+49*", "49", False),
    ],
)  # fmt: skip
def test_patterns(pattern: str, number: str, fits: bool) -> None:
    assert is_pattern(pattern)
    assert bool(names(number, trunk("t", NumberRule(pattern)))) == fits


@pytest.mark.parametrize("pattern", ["", "+", "49+", "x1", "(49)", "1" * 40, "\u0661"])
def test_what_is_no_pattern(pattern: str) -> None:
    assert not is_pattern(pattern)


def test_a_given_digit_says_more_than_open_ones_and_a_whole_number_more_than_its_beginning() -> None:
    exact, begun, open_ = (trunk(pattern, NumberRule(pattern)) for pattern in ("1123", "112*", "XXXX"))
    assert names("1123", open_, begun, exact) == ["1123", "112*", "XXXX"]
    longer, ended = trunk("11X*", NumberRule("11X*")), trunk("1123", NumberRule("1123"))
    assert names("1123", trunk("11*", NumberRule("11*")), longer) == ["11X*", "11*"]
    assert names("1123", trunk("1123*", NumberRule("1123*")), ended) == ["1123", "1123*"]


def test_each_trunk_writes_the_number_as_it_wants_it() -> None:
    local = trunk("local", NumberRule("+49*", strip=3, prepend="0"), NumberRule("*", strip=1, prepend="00"))
    [route] = routes([local], NUMBERS, Pii("+4930123"), "")
    assert route.called.reveal() == "030123"
    [route] = routes([local], NUMBERS, Pii("+331234"), "")
    assert route.called.reveal() == "00331234"


def test_only_numbers_of_the_instance_that_the_trunk_may_show_are_shown() -> None:
    free = trunk("free", caller_strip=1, caller_prepend="00")
    bound = trunk("bound", callers=("+15550101", "+1999"))
    mute = trunk("mute", callers=("+1999",))
    for wanted, shown in (
        ("+15550101", ["0015550101", "+15550101", ""]),
        ("+15550100", ["0015550100", "+15550101", ""]),
        ("+1999", ["0015550100", "+15550101", ""]),
        ("", ["0015550100", "+15550101", ""]),
    ):
        assert [route.caller for route in routes([free, bound, mute], NUMBERS, Pii("1"), wanted)] == shown


def test_a_number_is_dialled_without_what_helps_to_read_it() -> None:
    assert dialled("+49 (30) 123-45.6/7").reveal() == "+49301234567"
    assert dialled("*21#").reveal() == "*21#"


@pytest.mark.parametrize(
    "text", ["", "+", "abc", "1;phone-context=x", "12@evil", "1\r\nVia: x", "1" * 33, "\u0661\u0662", "1+2"]
)
def test_nothing_but_a_number_is_dialled(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        dialled(text)
