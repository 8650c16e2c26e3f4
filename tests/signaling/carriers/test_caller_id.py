import pytest

from signaling.carriers.caller_id import caller_of, diverted_from
from signaling.center.resources import CallerRule
from signaling.sip.events import IncomingCall
from signaling.sip.flow import Flow
from signaling.sip.headers.identity import read_identity
from signaling.sip.messages.message import Headers
from vault.pii import Pii

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5060))
ASSERTED = ("P-Asserted-Identity", '"Ada" <sip:+15550111@carrier.test>, <tel:+15550122>')


def call(*fields: tuple[str, str], caller: str = "+15550199") -> IncomingCall:
    return IncomingCall("c", "t", FLOW, Pii(caller), Pii(""), "+1", None, read_identity(Headers(fields)))


@pytest.mark.parametrize(
    ("rule", "fields", "caller", "shown"),
    [
        ("from", (), "+15550199", "+15550199"),
        ("from", (ASSERTED,), "+15550199", "+15550199"),
        ("asserted", (ASSERTED,), "+15550199", "+15550122"),
        ("asserted", (("P-Asserted-Identity", "<sip:+15550111@carrier.test>"),), "x", "+15550111"),
        ("asserted", (), "+15550199", "+15550199"),
        ("asserted", (("P-Asserted-Identity", "rubbish"),), "+15550199", "+15550199"),
        ("asserted", (ASSERTED, ("Privacy", "id;critical")), "+15550199", "anonymous"),
        ("from", (ASSERTED, ("Privacy", "user")), "+15550199", "anonymous"),
        ("asserted", (ASSERTED, ("Privacy", "none")), "+15550199", "+15550122"),
        ("asserted", (ASSERTED,), "Anonymous", "anonymous"),
    ],
)
def test_who_calls(rule: CallerRule, fields: tuple[tuple[str, str], ...], caller: str, shown: str) -> None:
    assert caller_of(call(*fields, caller=caller), rule).reveal() == shown


def test_whom_the_call_was_for_first() -> None:
    assert diverted_from(call()).reveal() == ""
    assert diverted_from(call(("Diversion", "<tel:+15550133>;reason=no-answer"))).reveal() == "+15550133"
