"""Which trunk carries a call of ours, how it writes the number, and as whom we call. Pure."""

import re
from collections.abc import Iterable, Set

import msgspec

from signaling.center.resources import NumberRule, Outbound, Trunk
from vault.pii import Pii

_SEPARATORS = str.maketrans("", "", "-.() \t\u00a0/")
_dialable = re.compile(r"\+?[0-9*#]{1,32}", re.ASCII)
_pattern = re.compile(r"\+?[0-9X*#]{0,32}?\*?", re.ASCII)
ANY_DIGIT, ANYTHING = "X", "*"


class Route(msgspec.Struct, frozen=True):
    """One trunk that may carry the call."""

    trunk: Trunk
    called: Pii[str]
    """As the trunk wants it written."""
    caller: str
    """Likewise; empty: we show none."""


def dialled(text: str) -> Pii[str]:
    """The number that somebody means, without what only helps to read it (RFC 3966 §5.1.1). Raises ValueError."""
    number = text.translate(_SEPARATORS)
    if not _dialable.fullmatch(number):
        raise ValueError("that is not a number to dial: digits, + at the beginning, * and #")
    return Pii(number)


def is_pattern(text: str) -> bool:
    return _pattern.fullmatch(text) is not None and text not in ("", "+")


def routes(trunks: Iterable[Trunk], numbers: Set[str], called: Pii[str], caller: str) -> list[Route]:
    """Those that may be tried, best first: whose pattern says most of the number, then by priority, then as they are
    listed. `numbers` are those of the instance, of which `caller` is to be shown; a trunk that may not show it shows
    its own first one."""
    found: list[tuple[tuple[int, int, int], Route]] = []
    for place, trunk in enumerate(trunks):
        rule = _best(trunk, called)
        written = _written(called, rule) if rule is not None else ""
        if rule is not None and written:
            weight = (-_weight(rule.pattern), rule.priority, place)
            found.append((weight, Route(trunk, Pii(written), _shown(trunk, numbers, caller))))
    return [route for _, route in sorted(found, key=lambda entry: entry[0])]


def _best(trunk: Trunk, called: Pii[str]) -> NumberRule | None:
    """The rule of the trunk that says most of the number."""
    if trunk.outbound is None:
        return None
    fitting = [rule for rule in trunk.outbound.numbers if _fits(rule.pattern, called.reveal())]
    return min(fitting, key=lambda rule: (-_weight(rule.pattern), rule.priority), default=None)


def _fits(pattern: str, number: str) -> bool:
    known = pattern.removesuffix(ANYTHING)
    if len(number) < len(known) or (known == pattern and len(number) != len(known)):
        return False
    return all(
        digit.isdecimal() if wanted == ANY_DIGIT else digit == wanted
        for wanted, digit in zip(known, number, strict=False)
    )


def _weight(pattern: str) -> int:
    """A given digit says more than any number of open ones, and of equal ones that without more to come wins."""
    known = pattern.removesuffix(ANYTHING)
    given = sum(character != ANY_DIGIT for character in known)
    return (given * 100 + len(known)) * 2 + (known == pattern)


def _written(called: Pii[str], rule: NumberRule) -> str:
    return rule.prepend + called.reveal()[rule.strip :]


def _shown(trunk: Trunk, numbers: Set[str], caller: str) -> str:
    if trunk.outbound is None:
        raise AssertionError("only trunks that calls go out through get here")
    allowed = [number for number in trunk.outbound.callers if number in numbers] or (
        [] if trunk.outbound.callers else sorted(numbers)
    )
    if not allowed:
        return ""
    chosen = caller if caller in allowed else allowed[0]
    return written(trunk.outbound, chosen)


def written(rule: Outbound, number: str) -> str:
    """A number of ours as a trunk wants it."""
    return rule.caller_prepend + number[rule.caller_strip :]
