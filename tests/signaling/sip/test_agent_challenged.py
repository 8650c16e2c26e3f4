"""Our requests, challenged by a trunk: message by message, and over a bad network."""

import pytest

from signaling.sip.events import CallAnswered, CallEnded, CallRinging, IncomingCall, OfferAnswered, SipEvent
from signaling.sip.flow import Flow
from signaling.sip.headers import CSeq, Via
from signaling.sip.headers.authentication import Credentials, read_credentials
from signaling.sip.messages.message import Message, Request, parse_message
from signaling.sip.messages.uri import Uri
from signaling.sip.registering.digest import Account, Challenger, Subject, Verdict, make_secrets
from signaling.sip.registering.nonces import Visit
from signaling.sip.replies import Answer, make_response
from tests.signaling.sip.network import ANSWER, OFFER, Impairment, Network, Peer
from tests.signaling.sip.test_agent_pair import check_clean
from tests.signaling.sip.wire import CONTACT, PEER, Wire, reply, request, tag_of

ADA = Account("ada", "s3cret")
REALM = "carrier.test"
CHALLENGE = {"WWW_Authenticate": f'Digest realm="{REALM}", nonce="n1", algorithm=SHA-256, qop="auth"'}
STALE = {"WWW_Authenticate": f'Digest realm="{REALM}", nonce="n2", algorithm=SHA-256, qop="auth", stale=true'}


def account_for(trunk: str, flow: Flow, realm: str) -> Account | None:
    return ADA if realm == REALM and flow.remote[0] == PEER[0] else None


@pytest.fixture
def wire() -> Wire:
    return Wire(account_for=account_for)


def credentials(message: Message) -> Credentials:
    (value,) = message.headers.get_all("Authorization")
    return Credentials.parse(value)


def challenged(wire: Wire, asked: Request, **more: str) -> Request:
    """The request as it comes again after a challenge; an INVITE is acknowledged first."""
    *acks, again = wire.send(reply(asked, 401, **(more or CHALLENGE)))
    assert isinstance(again, Request) and again.method == asked.method
    assert [isinstance(ack, Request) and ack.method for ack in acks] == (["ACK"] if asked.method == "INVITE" else [])
    return again


def number(message: Message) -> int:
    return CSeq.parse(message.headers.get("CSeq") or "").number


def branch(message: Message) -> str:
    return Via.parse(message.headers.get("Via") or "").branch


def test_invite_goes_again_and_the_ack_has_its_credentials(wire: Wire) -> None:
    call, invite = wire.dial()
    again = challenged(wire, invite)
    assert (number(again), again.body, again.headers.get("From")) == (2, invite.body, invite.headers.get("From"))
    assert branch(again) != branch(invite)
    assert credentials(again).uri == invite.uri
    # A repetition of the challenge is acknowledged, and not answered again.
    assert [message.method for message in wire.send(reply(invite, 401, **CHALLENGE))] == ["ACK"]  # type: ignore[union-attr]
    wire.send(reply(again, 180))
    (ack,) = wire.send(reply(again, 200, body=ANSWER, **CONTACT))
    assert (number(ack), credentials(ack)) == (2, credentials(again))
    assert wire.events() == [CallRinging(call), CallAnswered(call, ANSWER)]


def test_a_wrong_password_ends_the_call(wire: Wire) -> None:
    call, invite = wire.dial()
    again = challenged(wire, invite)
    assert len(wire.send(reply(again, 401, **CHALLENGE))) == 1
    assert wire.events() == [CallEnded(call, "rejected", 401)]


def test_a_stale_nonce_is_tried_once_more(wire: Wire) -> None:
    call, invite = wire.dial()
    third = challenged(wire, challenged(wire, invite), **STALE)
    assert (number(third), credentials(third).nonce) == (3, "n2")
    wire.send(reply(third, 401, **STALE))
    assert wire.events() == [CallEnded(call, "rejected", 401)]


@pytest.mark.parametrize("realm", ["elsewhere.test", ""])
def test_the_realm_must_be_the_trunks(wire: Wire, realm: str) -> None:
    call, invite = wire.dial()
    wire.send(reply(invite, 401, **{"WWW_Authenticate": f'Digest realm="{realm}", nonce="n"'}))
    assert wire.events() == [CallEnded(call, "rejected", 401)]


def test_the_address_must_be_the_trunks() -> None:
    wire = Wire(account_for=account_for)
    call, invite = wire.dial()
    elsewhere = Flow("udp", wire.flow.local, ("203.0.113.5", 5060))
    assert len(wire.send(reply(invite, 401, **CHALLENGE), elsewhere)) == 1
    assert wire.events() == [CallEnded(call, "rejected", 401)]


def test_a_call_that_is_not_wanted_any_more_does_not_go_again(wire: Wire) -> None:
    call, invite = wire.dial()
    wire.agent.hang_up(call, wire.now)
    assert len(wire.send(reply(invite, 401, **CHALLENGE))) == 1
    assert [type(event) for event in wire.events()] == [CallEnded]


def test_cancel_is_for_the_invite_that_went_last(wire: Wire) -> None:
    call, invite = wire.dial()
    wire.send(reply(invite, 100))
    again = challenged(wire, invite)
    wire.agent.hang_up(call, wire.now)
    assert wire.take() == []
    (cancel,) = wire.send(reply(again, 100))
    assert (cancel.method, branch(cancel)) == ("CANCEL", branch(again))  # type: ignore[union-attr]


def test_bye_and_info_go_again_within_the_call(wire: Wire) -> None:
    call, _ = wire.dial_up()
    wire.agent.press(call, "5", 100, wire.now)
    info = wire.take_request()
    again = challenged(wire, info)
    assert (number(info), number(again)) == (2, 3)
    wire.send(reply(again, 200))
    wire.agent.hang_up(call, wire.now)
    bye = wire.take_request()
    assert number(bye) == 4
    wire.send(reply(challenged(wire, bye), 200))
    assert wire.events() == [CallEnded(call, "bye", 200)]
    wire.wait(40)
    assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)


def test_reinvite_of_a_called_side_goes_again(wire: Wire) -> None:
    call, _ = wire.answer()
    wire.agent.offer(call, ANSWER, wire.now)
    again = challenged(wire, wire.take_request())
    (ack,) = wire.send(reply(again, 200, body=OFFER, **CONTACT))
    assert (number(ack), credentials(ack)) == (number(again), credentials(again))
    assert wire.events() == [OfferAnswered(call, OFFER)]


def test_reinvite_does_not_go_again_after_the_end(wire: Wire) -> None:
    call, tag = wire.answer()
    wire.agent.offer(call, ANSWER, wire.now)
    offered = wire.take_request()
    wire.send(request("BYE", 2, tag=tag, branch="bye"))
    assert len(wire.send(reply(offered, 401, **CHALLENGE))) == 1
    assert [type(event) for event in wire.events()] == [CallEnded]


def test_reports_name_the_refer_that_was_taken(wire: Wire) -> None:
    call, invite = wire.dial_up()
    wire.agent.refer(call, Uri.parse("sip:bob@else.test"), wire.now)
    again = challenged(wire, wire.take_request())
    wire.send(reply(again, 202))
    fields = {"From": f"{invite.headers.get('To')};tag=theirs", "To": invite.headers.get("From") or "",
              "Call-ID": invite.headers.get("Call-ID") or "", "Event": f"refer;id={number(again)}",
              "Subscription-State": "terminated", "Content-Type": "message/sipfrag"}  # fmt: skip
    notify = request("NOTIFY", 1, tag=tag_of(invite), branch="n", body="SIP/2.0 200 OK", **fields)
    assert [message.status for message in wire.send(notify)] == [200]  # type: ignore[union-attr]


class Gate:
    """Stands before a peer, and lets no request pass but with credentials; repetitions of one that passed do."""

    def __init__(self, network: Network, peer: Peer) -> None:
        self._network, self._peer = network, peer
        self._receive = peer.agent.receive
        self._challenger = Challenger("pbx", bytes(32))
        self._passed: set[str] = set()
        self.challenges = 0
        peer.agent.receive = self.receive  # type: ignore[method-assign]

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        message = parse_message(data)
        if isinstance(message, Request) and message.method not in ("ACK", "CANCEL") and not self._admits(message, flow):
            self.challenges += 1
            made = self._challenger.challenge(Visit(flow.remote[0], now))
            fields = tuple(("WWW-Authenticate", str(challenge)) for challenge in made)
            refusal = make_response(message, flow, Answer(401, "", fields), f"t{self.challenges}")
            sent = bytes(refusal)
            self._network.at(0, lambda: self._peer.agent._core.send(flow, sent))
            return
        self._receive(data, flow, now)

    def _admits(self, asked: Request, flow: Flow) -> bool:
        if branch(asked) in self._passed:
            return True
        given = read_credentials(asked.headers, "Authorization", "pbx")
        subject, visit = Subject(asked.method, asked.uri), Visit(flow.remote[0], self._network.now)
        secrets = make_secrets(ADA, "pbx")
        if given is None or self._challenger.verify(given, subject, secrets, visit) is not Verdict.GRANTED:
            return False
        self._passed.add(branch(asked))
        return True


@pytest.mark.parametrize("seed", range(100))
def test_every_call_gets_through_a_gate_over_a_bad_network(seed: int) -> None:
    network = Network(seed, Impairment(loss=0.2, duplicate=0.2, delay=0.05, jitter=0.4))
    alice = network.add("a", 5090, account_for=lambda trunk, flow, realm: ADA if realm == "pbx" else None)
    bob = network.add("b", 5060, "carrier")
    gate = Gate(network, bob)
    rnd = network.random

    def callee(event: SipEvent) -> None:
        if isinstance(event, IncomingCall):
            network.at(rnd.uniform(0, 2), lambda: bob.agent.answer(event.call, ANSWER, network.now))

    def caller(event: SipEvent) -> None:
        if isinstance(event, CallAnswered):
            network.at(1, lambda: alice.agent.offer(event.call, OFFER, network.now))
            network.at(20, lambda: alice.agent.hang_up(event.call, network.now))

    bob.script, alice.script = callee, caller
    call = alice.call(bob)
    network.run()
    check_clean(alice, bob)
    assert alice.of(CallAnswered) == [CallAnswered(call, ANSWER)]
    assert alice.of(CallEnded) == [CallEnded(call, "bye", 200)]
    assert len(bob.of(IncomingCall)) == len(bob.of(CallEnded)) == 1
    assert gate.challenges >= 2
