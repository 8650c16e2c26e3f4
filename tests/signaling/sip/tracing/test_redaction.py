"""What is shown of a message names nobody."""

import re

from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.flow import Flow
from signaling.sip.tracing.redaction import ShownMessage, show

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5070))
INVITE = (
    b"INVITE sip:+493012345678@pbx.test;user=phone SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKsecret;rport\r\n"
    b'f: "Ada \\"L\\" Lovelace" <sip:+4917@caller.test>;tag=theirs\r\n'
    b"To: Bob B <sip:493012345@pbx.test>\r\n"
    b"Call-ID: private-id@host\r\nCSeq: 314159 INVITE\r\n"
    b"Contact: <sip:ada@192.0.2.9:5070;transport=tcp;ob>\r\n"
    b"P-Asserted-Identity: <tel:+491712345678>,\r\n  Carol <sip:carol@x.test>\r\n"
    b'Authorization: Digest username="dave", response="abcdef"\r\n'
    b"X-Customer: Erin\r\nUser-Agent: Phone 1.2 (+4917112345678)\r\nSession-Expires: 1800;refresher=uas\r\n"
    b"Refer-To: <sip:frank@x.test?Replaces=private-id%3Bto-tag%3D1>\r\n"
    b'Reason: Q.850;cause=16;text="Grace hung up"\r\nContent-Length: 3\r\n\r\nSDP'
)
SECRETS = (
    "4930", "12345", "Ada", "Lovelace", "4917", "Bob", "private-id", "ada", "Carol", "carol", "dave", "abcdef", "Erin",
    "frank", "Grace", "theirs", "secret", "SDP",
)  # fmt: skip


def shown(data: bytes) -> ShownMessage:
    return show(data, FLOW, True, 7.0)


def test_an_invite_is_shown_without_numbers_names_and_tokens() -> None:
    message = shown(INVITE)
    text = repr(message)
    assert [secret for secret in SECRETS if secret in text] == []
    headers = dict(message.headers)
    assert (message.start, message.cseq) == ("INVITE sip:•••@pbx.test;user=•••", "314159 INVITE")
    assert (message.at, message.sent, message.transport, message.peer) == (7.0, True, "udp", "192.0.2.9:5070")
    assert headers["Via"] == "SIP/2.0/UDP 192.0.2.9:5070;branch=•••;rport"
    assert headers["From"] == "••• <sip:•••@caller.test>;tag=•••"
    assert headers["Contact"] == "<sip:•••@192.0.2.9:5070;transport=tcp;ob>"
    assert headers["P-Asserted-Identity"] == "<tel:•••>, ••• <sip:•••@x.test>"
    assert headers["Session-Expires"] == "1800;refresher=uas"
    assert headers["Refer-To"] == "<sip:•••@x.test?•••>"
    assert headers["Reason"] == "Q.850;cause=16;text=•••"
    assert headers["Authorization"] == headers["X-Customer"] == headers["Call-ID"] == "•••"


def test_nothing_reaches_the_terminal_that_it_would_obey() -> None:
    message = shown(b"INVITE sip:x@h\x1b[2J SIP/2.0\r\nServer: a\x1b]0;b\x07 c\r\nTo: \x9b1m<sip:x@h>\r\n\r\n")
    texts = [message.start, *(text for header in message.headers for text in header)]
    assert all(text.isprintable() for text in texts)


def test_a_response_is_shown_with_the_usual_phrase_and_not_the_peers_own() -> None:
    message = shown(b"SIP/2.0 486 Ada is out\r\nCSeq: 2 INVITE\r\n\r\n")
    assert (message.start, message.cseq) == ("486 Busy Here", "2 INVITE")


NAMES = st.sampled_from(
    ["From", "f", "To", "Contact", "m", "Via", "Call-ID", "CSeq", "Server", "Subject", "Route", "Event"]
)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=40)


@given(st.lists(st.tuples(NAMES, WORDS), max_size=8), WORDS, st.binary(max_size=60))
def test_whatever_comes_is_shown_without_long_numbers(headers: list[tuple[str, str]], start: str, junk: bytes) -> None:
    lines = [start, *(f"{name}: {value} <sip:+4930987654@h>;tag=+4930987654" for name, value in headers)]
    for data in ("\r\n".join(lines).encode() + b"\r\n\r\n", junk, b"SIP/2.0 " + junk):
        message = shown(data)
        assert "987654" not in repr(message)
        assert not any(re.search(r"[\r\n]", text) for pair in message.headers for text in pair)
