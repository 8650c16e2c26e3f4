"""Calls that another process goes on with: it knows what was saved, and nothing of transactions."""

import pytest

from signaling.sip.agent import UserAgent
from signaling.sip.calls.saved import SavedCall
from signaling.sip.config import SipConfig
from signaling.sip.events import CallAnswered, CallEnded, CallOffer, IncomingCall, OfferAnswered, SipEvent
from signaling.sip.flow import Flow
from signaling.sip.messages.message import Message, Request
from signaling.sip.registering.digest import Account
from signaling.survival.states import decode, encode
from tests.signaling.sip.network import ANSWER, OFFER, Impairment, Network, Peer
from tests.signaling.sip.wire import CONTACT, Wire, reply, request, tag_of, within

SECRETS = ("4917", "Ada", "493012345", "4000", "5000")


def die(wire: Wire, away: float = 0.0) -> list[SavedCall]:
    """The process is killed and comes back `away` seconds later with what was saved."""
    kept = [saved for call in wire.agent.take_changed() if (saved := wire.agent.save(call, wire.now)) is not None]
    written = [encode(saved) for saved in kept]
    wire.agent = UserAgent(SipConfig(new_id=Names("new")), lambda flow: "carrier")
    saved_at = wire.now
    wire.now += away
    for octets in written:
        wire.agent.restore(decode(octets, SavedCall), saved_at)
    return kept


class Names:
    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.number = 0

    def __call__(self) -> str:
        self.number += 1
        return f"{self.prefix}{self.number}"


def methods(messages: list[Message]) -> list[str | int]:
    return [message.method if isinstance(message, Request) else message.status for message in messages]


def number_of(message: Message) -> int:
    return int((message.headers.get("CSeq") or "").split(" ")[0])


def test_what_is_saved_prints_no_number() -> None:
    wire = Wire()
    wire.answer()
    (kept,) = die(wire)
    assert not any(secret in repr(kept) for secret in SECRETS)


def test_the_peer_ends_a_call_that_was_taken_over() -> None:
    wire = Wire()
    call, tag = wire.answer()
    die(wire, 2.0)
    assert methods(wire.send(request("BYE", 2, tag=tag, branch="bye"))) == [200]
    assert wire.events() == [CallEnded(call, "bye", 200)]
    assert wire.agent.calls == 0


def test_what_was_restored_is_told_as_changed() -> None:
    wire = Wire()
    call, _ = wire.answer()
    die(wire)
    assert wire.agent.take_changed() == {call}


def test_we_end_a_call_that_was_taken_over_by_its_routes_and_with_a_higher_number() -> None:
    wire = Wire()
    call, tag = wire.answer(Record_Route="<sip:p1.test;lr>, <sip:p2.test;lr>")
    wire.agent.press(call, "5", 100, wire.now)
    info = wire.take_request()
    die(wire)
    wire.agent.hang_up(call, wire.now)
    bye = wire.take_request()
    assert (bye.method, bye.uri) == ("BYE", "sip:ada@192.0.2.9:5070")
    assert bye.headers.items("Route") == ["<sip:p1.test;lr>", "<sip:p2.test;lr>"]
    assert number_of(bye) > number_of(info)
    assert tag_of(bye) == "theirs" and (bye.headers.get("From") or "").endswith(f"tag={tag}")
    assert wire.events() == [CallEnded(call, "bye", 200)]


def test_a_call_of_ours_goes_on_too() -> None:
    wire = Wire()
    call, invite = wire.dial_up()
    die(wire)
    assert methods(wire.send(within(invite, "INVITE", 5, body=OFFER))) == [100]
    assert wire.events() == [CallOffer(call, OFFER)]
    wire.agent.accept_offer(call, ANSWER, wire.now)
    assert methods(wire.take()) == [200]
    wire.agent.hang_up(call, wire.now)
    assert wire.agent.save(call, wire.now) is not None


def test_a_repeated_200_of_an_earlier_process_is_acknowledged() -> None:
    wire = Wire()
    _, invite = wire.dial_up()
    die(wire)
    (ack,) = wire.send(reply(invite, 200, body=ANSWER, **CONTACT))
    assert (methods([ack]), number_of(ack)) == (["ACK"], number_of(invite))
    assert wire.events() == []


def test_the_answer_to_an_offer_of_an_earlier_process_is_told() -> None:
    wire = Wire()
    call, _ = wire.dial_up()
    wire.agent.take_changed()
    kept = wire.agent.save(call, wire.now)
    wire.agent.offer(call, OFFER, wire.now)
    offer = wire.take_request()
    wire.agent = UserAgent(SipConfig(new_id=Names("new")), lambda flow: "carrier")
    assert kept is not None
    wire.agent.restore(kept, wire.now)
    assert methods(wire.send(reply(offer, 200, body=ANSWER, **CONTACT))) == ["ACK"]
    assert wire.events() == [OfferAnswered(call, ANSWER)]


def test_a_200_of_a_stranger_to_the_call_is_not_acknowledged() -> None:
    wire = Wire()
    _, invite = wire.dial_up()
    die(wire)
    assert wire.send(reply(invite, 200, tag="another", body=ANSWER, **CONTACT)) == []
    assert wire.agent.counters.unmatched == 1


def test_a_200_without_its_ack_is_repeated_until_the_ack_comes() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.answer(call, ANSWER, wire.now)
    (before,) = wire.take()
    die(wire)
    assert wire.take() == [before]
    assert wire.wait(1.0) == [before]
    wire.send(request("ACK", tag=tag_of(before), branch="ack"))
    assert wire.events() == [CallAnswered(call, None)]
    assert wire.wait(40.0) == []


def test_a_late_offer_is_still_answered_by_the_ack() -> None:
    wire = Wire()
    call = wire.ring_in(None)
    wire.agent.answer(call, OFFER, wire.now)
    (before,) = wire.take()
    die(wire)
    wire.take()
    wire.send(request("ACK", tag=tag_of(before), branch="ack", body=ANSWER))
    assert wire.events() == [CallAnswered(call, ANSWER)]


def test_a_200_that_nobody_acknowledges_ends_the_call() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.answer(call, ANSWER, wire.now)
    wire.take()
    die(wire)
    assert methods(wire.wait(64 * 0.5))[-1] == "BYE"
    assert wire.events() == [CallEnded(call, "timeout", 408)]


def test_a_call_that_was_not_answered_yet_is_not_kept() -> None:
    wire = Wire()
    wire.ring_in()
    assert die(wire) == []
    assert methods(wire.send(request("INVITE", 1, body=OFFER))) == [100]
    (event,) = wire.events()
    assert isinstance(event, IncomingCall)


def test_a_reinvite_that_was_not_answered_is_taken_when_it_is_repeated() -> None:
    wire = Wire()
    call, tag = wire.answer()
    again = request("INVITE", 2, tag=tag, branch="re", body=OFFER)
    wire.send(again)
    die(wire, 1.0)
    assert methods(wire.send(again)) == [100]
    assert wire.events() == [CallOffer(call, OFFER)]
    wire.agent.accept_offer(call, ANSWER, wire.now)
    assert methods(wire.take()) == [200]
    wire.send(request("ACK", 2, tag=tag, branch="re-ack"))
    assert methods(wire.send(request("INFO", 2, tag=tag, branch="old"))) == [500]


def test_a_call_of_ours_that_rang_is_taken_back() -> None:
    wire = Wire()
    call, invite = wire.dial()
    wire.send(reply(invite, 180))
    die(wire)
    again = wire.take_request()
    assert bytes(again) == bytes(invite)
    (cancel,) = wire.send(reply(invite, 180))
    assert methods([cancel]) == ["CANCEL"]
    wire.send(reply(cancel, 200))
    assert methods(wire.send(reply(invite, 487))) == ["ACK"]
    assert wire.events() == [CallEnded(call, "cancel", 487)]
    assert wire.agent.calls == 0


def test_a_call_of_ours_that_was_answered_meanwhile_is_acknowledged_and_ended() -> None:
    wire = Wire()
    call, invite = wire.dial()
    wire.send(reply(invite, 180))
    die(wire)
    wire.take()
    assert methods(wire.send(reply(invite, 200, body=ANSWER, **CONTACT))) == ["ACK", "BYE"]
    assert wire.events() == [CallEnded(call, "cancel", 200)]


def test_a_bye_without_an_answer_is_said_again() -> None:
    wire = Wire()
    call, _ = wire.answer()
    wire.agent.hang_up(call, wire.now)
    first = wire.take_request()
    die(wire)
    second = wire.take_request()
    assert second.method == "BYE" and number_of(second) > number_of(first)
    wire.send(reply(second, 481))
    assert wire.agent.calls == 0


@pytest.mark.parametrize("refresher", ["uac", "uas"])
def test_a_session_timer_goes_on(refresher: str) -> None:
    wire = Wire()
    call, _ = wire.answer(Session_Expires=f"600;refresher={refresher}", Supported="timer", Allow="UPDATE, BYE")
    wire.wait(100.0)
    die(wire, 50.0)
    if refresher == "uas":
        assert wire.wait(149.0) == []
        assert methods(wire.wait(1.2)) == ["UPDATE"]
    else:
        assert wire.wait(600 - 32 - 150 - 1.0) == []
        assert methods(wire.wait(1.2)) == ["BYE"]
        assert wire.events() == [CallEnded(call, "timeout", 408)]


def test_a_session_timer_that_ran_out_meanwhile_ends_the_call_at_once() -> None:
    wire = Wire()
    call, _ = wire.answer(Session_Expires="90;refresher=uac", Supported="timer")
    die(wire, 100.0)
    wire.agent.handle_timer(wire.now)
    assert methods(wire.take()) == ["BYE"]
    assert wire.events() == [CallEnded(call, "timeout", 408)]


@pytest.mark.parametrize(("status", "ends"), [(200, False), (405, False), (500, False), (481, True), (408, True)])
def test_a_probe_ends_the_call_that_the_peer_does_not_know(status: int, ends: bool) -> None:
    wire = Wire()
    call, _ = wire.answer()
    die(wire)
    wire.agent.probe(call, wire.now)
    options = wire.take_request()
    assert options.method == "OPTIONS"
    wire.send(reply(options, status))
    assert [type(event) for event in wire.events()] == ([CallEnded] if ends else [])


def test_a_probe_that_nobody_answers_ends_the_call() -> None:
    wire = Wire()
    call, _ = wire.answer()
    die(wire)
    wire.agent.probe(call, wire.now)
    wire.wait(33.0)
    assert wire.events() == [CallEnded(call, "timeout", 408)]


def test_a_connection_is_opened_anew_to_the_contact() -> None:
    wire = Wire(transport="tcp")
    call, _ = wire.answer()
    die(wire)
    wire.agent.hang_up(call, wire.now)
    wire.take()
    (outgoing,) = wire.outgoing
    assert (outgoing.flow.connection, outgoing.flow.remote) == (0, ("192.0.2.9", 5070))


@pytest.mark.parametrize("seed", range(150))
def test_any_call_ends_on_both_sides_whenever_one_is_killed(seed: int) -> None:
    """Over a bad network, with what was saved up to 100 ms before."""
    network = Network(seed, Impairment(loss=0.2, duplicate=0.2, delay=0.05, jitter=0.3))
    rnd = network.random
    alice, bob = network.add("a", 5090, "peer"), network.add("b", 5060, "carrier")
    mortal, ender = rnd.choice([alice, bob]), rnd.choice([alice, bob])
    saved: dict[str, SavedCall] = {}

    def script(event: SipEvent) -> None:
        if isinstance(event, IncomingCall):
            network.at(rnd.uniform(0, 2), lambda: bob.agent.answer(event.call, ANSWER, network.now))

    bob.script = script
    alice.call(bob)
    killed = rnd.uniform(0, 6)
    back = killed + rnd.uniform(0.5, 3)
    network.at(killed - rnd.uniform(0, 0.1), lambda: saved.update(written(mortal, network.now)))
    network.at(killed, lambda: network.silence(mortal))
    then = network.now + killed
    network.at(back, lambda: come_back(network, mortal, saved, then))
    network.at(back + rnd.uniform(0, 4), lambda: hang_up_all(ender, network.now))
    network.at(back + 10, lambda: probe_all(network.now, alice, bob))
    network.at(back + 50, lambda: hang_up_all(ender, network.now))
    network.run()
    for peer in (alice, bob):
        assert (peer.agent.calls, peer.agent.transactions, peer.agent.get_timer()) == (0, 0, None)
        assert peer.agent.counters.faults == peer.agent.counters.malformed == 0


def names(peer: Peer) -> list[str]:
    return list(peer.agent._core.sessions)


def written(peer: Peer, now: float) -> dict[str, SavedCall]:
    found = {name: peer.agent.save(name, now) for name in names(peer)}
    return {name: decode(encode(saved), SavedCall) for name, saved in found.items() if saved is not None}


def come_back(network: Network, peer: Peer, saved: dict[str, SavedCall], then: float) -> None:
    peer.agent = UserAgent(SipConfig(new_id=Names("again")), lambda flow: "trunk")
    network.wake(peer)
    for call in saved.values():
        peer.agent.restore(call, then)


def hang_up_all(peer: Peer, now: float) -> None:
    for name in names(peer):
        peer.agent.hang_up(name, now)


def probe_all(now: float, *peers: Peer) -> None:
    for peer in peers:
        for name in names(peer):
            peer.agent.probe(name, now)


def test_a_challenge_to_a_bye_is_answered_as_the_trunk_of_the_call_wants() -> None:
    wire = Wire()
    call, _ = wire.answer()
    (kept,) = die(wire)
    assert kept.trunk == "carrier"
    asked: list[str] = []

    def account_for(trunk: str, flow: Flow, realm: str) -> Account:
        asked.append(trunk)
        return Account("ada", "s3cret")

    wire.agent = UserAgent(SipConfig(new_id=Names("new")), lambda flow: "carrier", account_for=account_for)
    wire.agent.restore(kept, wire.now)
    wire.agent.hang_up(call, wire.now)
    bye = wire.take_request()
    challenge = 'Digest realm="carrier.test", nonce="n1", algorithm=SHA-256, qop="auth"'
    (again,) = wire.send(reply(bye, 401, WWW_Authenticate=challenge))
    assert methods([again]) == ["BYE"] and again.headers.get("Authorization") is not None
    assert asked == ["carrier"]
