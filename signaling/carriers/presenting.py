"""Who we say is calling, by the trunk's rule: in From, to its network alone (RFC 3325, RFC 3323), and by whom the call
was passed on (RFC 5806, RFC 7044). Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from signaling.center.resources import Outbound
from signaling.sip.headers import NameAddr
from signaling.sip.messages.grammar import Params
from signaling.sip.messages.uri import Uri
from signaling.sip.reaching.targets import user_of
from signaling.sip.replies import Fields

NOBODY = NameAddr(Uri("sip", "anonymous", "anonymous.invalid"), "Anonymous")
"""RFC 3323 §4.1.1.3."""
FORWARDED = "Reason=SIP%3Bcause%3D302"
"""Why a call left the one it was for, as RFC 7044 §10.2 has it in a URI."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A call as it is to be shown: numbers as the trunk wants them written, empty where there is none."""

    number: str
    """Who calls."""
    name: str
    host: str
    """That ours are at."""
    called: Uri
    passed_on: str = ""
    """Of ours, the number that was called first."""


def present(rule: Outbound, shown: Shown) -> tuple[NameAddr, Fields]:
    """From, and the headers beside it. Raises ValueRefused for a number that no message can carry."""
    caller = NOBODY
    if shown.number and rule.identity != "anonymous":
        caller = NameAddr(_uri(shown.number, shown.host), shown.name)
    return caller, tuple([*_identity(rule, shown), *_history(rule, shown)])


def _identity(rule: Outbound, shown: Shown) -> Iterator[tuple[str, str]]:
    number = rule.asserted or shown.number
    if rule.identity == "from" or not number:
        return
    name = "" if rule.identity == "anonymous" else shown.name
    yield "P-Asserted-Identity", str(NameAddr(_uri(number, shown.host), name))
    if rule.identity == "anonymous":
        yield "Privacy", "id"


def _history(rule: Outbound, shown: Shown) -> Iterator[tuple[str, str]]:
    if rule.history == "none" or not shown.passed_on:
        return
    hidden = rule.identity == "anonymous"
    if rule.history == "diversion":
        how = Params((("reason", "unconditional"), ("counter", "1"), ("privacy", "full" if hidden else "off")))
        yield "Diversion", str(NameAddr(_uri(shown.passed_on, shown.host), "", how))
        return
    why = f"{FORWARDED}&Privacy=history" if hidden else FORWARDED
    first = _uri(shown.passed_on, shown.host, why)
    yield "History-Info", str(NameAddr(first, "", Params((("index", "1"),))))
    yield "History-Info", str(NameAddr(shown.called, "", Params((("index", "1.1"), ("mp", "1")))))


def _uri(number: str, host: str, headers: str = "") -> Uri:
    return Uri("sip", user_of(number), host, headers=headers)
