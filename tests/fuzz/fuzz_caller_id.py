"""Whatever a network asserts of a caller, he is named by printable text of one line, and by none that hides itself.

An input is the headers of an INVITE."""

from signaling.carriers.caller_id import ANONYMOUS, caller_of, diverted_from
from signaling.center.resources import CallerRule
from signaling.sip.errors import ParseError
from signaling.sip.events import IncomingCall
from signaling.sip.flow import Flow
from signaling.sip.headers.identity import HIDING, read_called, read_identity
from signaling.sip.messages.message import parse_message
from vault.pii import Pii

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5060))
RULES: tuple[CallerRule, ...] = ("from", "asserted")
FROM = "+15550199"
SEEDS: list[bytes] = [
    b'P-Asserted-Identity: "Ada" <sip:+15550111;ext=1@carrier.test>, <tel:+15550122>\r\nPrivacy: none',
    b"p-asserted-identity: <sip:+15550111@[::1]:5060>\r\nP-Asserted-Identity: tel:+1(2)3\r\nPrivacy: id; user",
    b"Diversion: <tel:+15550133>;reason=no-answer;counter=1, <sip:%2b1%40x@h>\r\nP-Called-Party-ID: <sip:100@acme>",
    b"History-Info: <sip:1@h?Reason=SIP%3Bcause%3D302>;index=1,\r\n <sip:2@h>;index=1.1\r\nPrivacy: Header",
]


def one_input(data: bytes) -> None:
    try:
        headers = parse_message(b"INVITE sip:1@h SIP/2.0\r\n" + data + b"\r\n\r\n").headers
    except ParseError as error:
        assert 400 <= error.status <= 599
        return
    identity = read_identity(headers)
    call = IncomingCall("c", "t", FLOW, Pii(FROM), Pii(""), read_called(headers), None, identity)
    shown = [caller_of(call, rule).reveal() for rule in RULES]
    for text in (*shown, diverted_from(call).reveal(), call.called, identity.number):
        assert all(character.isprintable() for character in text)
    assert shown[0] in (FROM, ANONYMOUS)
    asked = ";".join(headers.get_all("Privacy")).lower().split(";")
    if HIDING & {token.strip(" \t") for token in asked}:
        assert shown == [ANONYMOUS, ANONYMOUS]


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
