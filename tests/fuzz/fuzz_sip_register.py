"""A REGISTER of any kind from a stranger is answered with one message of ours or none, and binds nothing without the
password; one that is granted binds no more than it may, and leaves the registrar in order."""

from itertools import count

from signaling.sip.agent import UserAgent
from signaling.sip.config import SipConfig
from signaling.sip.errors import ParseError
from signaling.sip.flow import Flow
from signaling.sip.headers.authentication import Usage, read_challenges
from signaling.sip.messages.message import Request, Response, parse_message
from signaling.sip.registering.digest import Account, Subject, answer, choose
from tests.signaling.sip.phone import LOCAL, PASSWORD, REALM, Directory

FLOW = Flow("udp", LOCAL, ("198.51.100.7", 40000))
_LINE = b"REGISTER sip:acme SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:40000;branch=z9hG4bK1;rport\r\n"
_WHO = b"From: <sip:ann@acme>;tag=t\r\nTo: <sip:ann@acme>\r\nCall-ID: reg\r\nCSeq: 1 REGISTER\r\n"
SEEDS: list[bytes] = [
    _LINE + _WHO + b"Contact: <sip:ann@198.51.100.7:40000>;expires=60\r\nExpires: 600\r\n\r\n",
    _LINE + _WHO + b'Supported: outbound\r\nContact: <sip:a@b>;reg-id=1;+sip.instance="<urn:uuid:1>"\r\n\r\n',
    _LINE + _WHO + b"Contact: *\r\nExpires: 0\r\n\r\n",
    _LINE
    + _WHO
    + b'Authorization: Digest username="ann", realm="acme", nonce="n", uri="sip:acme", response=""\r\n\r\n',
]


def one_input(data: bytes) -> None:
    ids = count()
    agent = UserAgent(SipConfig(new_id=lambda: f"id{next(ids)}", max_bindings=2), lambda flow: None, Directory())
    challenge = _send(agent, data)
    assert len(agent.registrar.bindings) == 0
    if challenge is None or challenge.status != 401:
        return
    _send(agent, _signed(data, challenge))
    for user in ("ann", "bob"):
        bindings = agent.registrar.bindings.of(f"i-1/phones/{user}")
        assert len(bindings) <= 2
        assert all(binding.expires > 0 for binding in bindings)
    agent.handle_timer(1e9)
    assert len(agent.registrar.bindings) == 0


def _send(agent: UserAgent, data: bytes) -> Response | None:
    agent.receive(data, FLOW, 0.0)
    assert agent.counters.faults == 0
    outgoing = agent.take()
    assert len(outgoing) <= 1
    message = parse_message(outgoing[0].data) if outgoing and outgoing[0].data.strip() else None
    return message if isinstance(message, Response) else None


def _signed(data: bytes, challenge: Response) -> bytes:
    """The same request with the password."""
    try:
        request = parse_message(data)
    except ParseError:
        raise AssertionError("what cannot be read is not challenged") from None
    chosen = choose(read_challenges(challenge.headers, "WWW-Authenticate"), REALM)
    assert isinstance(request, Request) and chosen is not None
    credentials = answer(chosen, Account("ann", PASSWORD), Subject(request.method, request.uri), Usage(1, "c"))
    fields = [(name, value) for name, value in request.headers if name != "Authorization"]
    headers = type(request.headers)((*fields, ("Authorization", str(credentials))))
    return bytes(Request(request.method, request.uri, headers, request.body))


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
