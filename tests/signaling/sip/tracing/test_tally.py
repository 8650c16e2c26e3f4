"""What is counted of requests and their final answers: each once, whatever is repeated."""

from dataclasses import replace

import pytest

from signaling.sip.calls.invitation import Invitation
from signaling.sip.headers import NameAddr
from signaling.sip.messages.uri import Uri
from signaling.sip.reaching.pulse import Watch
from signaling.sip.tracing.tally import OTHER, Said
from tests.signaling.sip.network import ANSWER, OFFER, Impairment, Network
from tests.signaling.sip.wire import CONTACT, STRANGER, Wire, reply, request, tag_of


def counts(wire: Wire) -> dict[Said, int]:
    return dict(wire.agent.answers)


def test_their_requests() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.answer(call, ANSWER, wire.now)
    tag = tag_of(wire.take_response())
    wire.send(request("INVITE", 1, body=OFFER))
    wire.send(request("ACK", tag=tag, branch="ack"))
    for _ in range(2):
        wire.send(request("BYE", 2, tag=tag, branch="bye"))
    wire.send(request("FROBNICATE", 3, branch="x"))
    wire.send(request("OPTIONS", 4, branch="y"), wire.strange_flow)
    assert wire.strange_flow.remote == STRANGER
    assert counts(wire) == {
        Said("carrier", "theirs", "INVITE", 200): 1,
        Said("carrier", "theirs", "BYE", 200): 1,
        Said("carrier", "theirs", OTHER, 501): 1,
        Said("", "theirs", "OPTIONS", 403): 1,
    }


def test_our_requests() -> None:
    wire = Wire()
    _, invite = wire.dial()
    for status in (180, 486, 486):
        wire.send(reply(invite, status))
    wire.dial()
    wire.wait(40)
    wire.dial()
    wire.agent.flow_closed(wire.flow, wire.now)
    assert counts(wire) == {
        Said("carrier", "ours", "INVITE", 486): 1,
        Said("carrier", "ours", "INVITE", 408): 1,
        Said("carrier", "ours", "INVITE", 503): 1,
    }


@pytest.mark.parametrize("trunk", ["carrier", None])
def test_what_goes_to_a_trunk_is_its_own_whatever_else_is_known_of_the_address(trunk: str | None) -> None:
    wire = Wire(trunk)
    caller = NameAddr(Uri("sip", "ada", "x.test"))
    invitation = Invitation(Uri.parse("sip:bob@pbx.test"), caller, OFFER, trunk="outward")
    wire.agent.invite(wire.flow, invitation, wire.now)
    invite = wire.take_request()
    wire.send(reply(invite, 200, body=ANSWER, **CONTACT))
    (call,) = {event.call for event in wire.events()}
    wire.agent.hang_up(call, wire.now)
    wire.send(reply(wire.take_request(), 200))
    call = wire.agent.invite(wire.flow, replace(invitation, sdp=None), wire.now)
    invite = wire.take_request()
    wire.send(reply(invite, 180))
    wire.agent.hang_up(call, wire.now)
    wire.send(reply(wire.take_request(), 200))
    wire.agent.upstream.watch(Watch("outward", wire.flow, 5.0), wire.now)
    wire.send(reply(wire.wait(5.0)[0], 200))
    methods = ("INVITE", "BYE", "CANCEL", "OPTIONS")
    assert counts(wire) == {Said("outward", "ours", method, 200): 1 for method in methods}


def test_both_sides_count_the_same_over_a_bad_network() -> None:
    network = Network(3, Impairment(loss=0.2, duplicate=0.3, delay=0.05, jitter=0.4))
    alice, bob = network.add("a", 5090, "b"), network.add("b", 5060, "a")
    bob.script = lambda event: bob.agent.answer(event.call, ANSWER, network.now)
    for _ in range(20):
        call = alice.call(bob)
        network.run(30)
        alice.agent.hang_up(call, network.now)
    network.run()
    theirs = {said._replace(trunk="", side="ours"): count for said, count in bob.agent.answers.items()}
    assert {said._replace(trunk=""): count for said, count in alice.agent.answers.items()} == theirs
    assert theirs == {Said("", "ours", "INVITE", 200): 20, Said("", "ours", "BYE", 200): 20}
