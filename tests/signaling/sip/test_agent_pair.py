"""Two user agents back to back: every call ends, both sides agree, and nothing is left."""

import pytest

from signaling.sip.events import CallAnswered, CallEnded, CallProgress, CallRinging, IncomingCall, SipEvent
from tests.signaling.sip.network import ANSWER, OFFER, Impairment, Network, Peer


def pair(seed: int = 0, impairment: Impairment | None = None) -> tuple[Network, Peer, Peer]:
    network = Network(seed, impairment)
    return network, network.add("a", 5090), network.add("b", 5060, "carrier")


def check_clean(*peers: Peer) -> None:
    for peer in peers:
        assert (peer.agent.calls, peer.agent.transactions, peer.agent.get_timer()) == (0, 0, None)
        assert peer.agent.counters.faults == peer.agent.counters.malformed == 0


def started(peer: Peer) -> str:
    (event,) = peer.of(IncomingCall)
    assert isinstance(event, IncomingCall)
    return event.call


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_call_answered_and_ended(transport: str) -> None:
    network, alice, bob = pair()
    call = alice.call(bob, transport="udp" if transport == "udp" else "tcp")
    network.run(1)
    theirs = started(bob)
    bob.agent.ring(theirs, network.now)
    network.run(1)
    bob.agent.progress(theirs, ANSWER, network.now)
    network.run(1)
    bob.agent.answer(theirs, ANSWER, network.now)
    network.run(1)
    assert alice.events == [CallRinging(call), CallProgress(call, ANSWER), CallAnswered(call, ANSWER)]
    assert bob.events[1:] == [CallAnswered(theirs, None)]
    alice.agent.hang_up(call, network.now)
    network.run()
    assert alice.events[-1] == CallEnded(call, "bye", 200)
    assert bob.events[-1] == CallEnded(theirs, "bye", 200)
    check_clean(alice, bob)


@pytest.mark.parametrize("seed", range(300))
def test_any_call_over_a_bad_network(seed: int) -> None:
    network, alice, bob = pair(seed, Impairment(loss=0.25, duplicate=0.2, delay=0.05, jitter=0.6))
    rnd = network.random
    late = rnd.random() < 0.3

    def callee(event: SipEvent) -> None:
        if isinstance(event, IncomingCall):
            network.at(rnd.uniform(0, 2), lambda: bob.agent.ring(event.call, network.now))
            if rnd.random() < 0.15:
                network.at(rnd.uniform(0, 4), lambda: bob.agent.reject(event.call, 486, "", network.now))
            else:
                network.at(rnd.uniform(0, 4), lambda: bob.agent.answer(event.call, ANSWER, network.now))
            network.at(rnd.uniform(0, 30), lambda: bob.agent.hang_up(event.call, network.now))

    def caller(event: SipEvent) -> None:
        if isinstance(event, CallAnswered) and late:
            alice.agent.accept_offer(event.call, ANSWER, network.now)

    bob.script, alice.script = callee, caller
    call = alice.call(bob, None if late else OFFER)
    network.at(rnd.uniform(0, 30), lambda: alice.agent.hang_up(call, network.now))
    network.run()
    check_clean(alice, bob)
    (ended,) = alice.of(CallEnded)
    assert isinstance(ended, CallEnded)
    theirs = bob.of(CallEnded)
    assert len(theirs) == len(bob.of(IncomingCall)) <= 1
    if theirs:
        (other,) = theirs
        assert isinstance(other, CallEnded)
        assert agree(ended, other), (ended, other)


def agree(caller: CallEnded, callee: CallEnded) -> bool:
    """A 200 that crosses the CANCEL is a call that was answered and ended, to the callee."""
    if caller.cause == "cancel" and caller.status == 200:
        return callee.cause == "bye"
    return (caller.cause, caller.status) == (callee.cause, callee.status)
