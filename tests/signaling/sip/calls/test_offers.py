"""Offers of ours in a call: hold and resume, offers that cross, refusals, and the end of the call in between."""

import pytest

from signaling.sip.events import CallEnded, CallOffer, OfferAnswered, OfferRefused
from signaling.sip.messages.message import Request, Response
from tests.signaling.sip.network import ANSWER, OFFER
from tests.signaling.sip.wire import Wire, reply, request, within

HOLD = OFFER.replace("m=audio", "a=sendonly\r\nm=audio")
AGAIN = OFFER.replace("4000", "4002")


def test_hold_and_resume() -> None:
    wire = Wire()
    call, tag = wire.answer()
    for number, sdp in ((1, HOLD), (2, OFFER)):
        wire.agent.offer(call, sdp, wire.now)
        invite = wire.take_request()
        assert (invite.method, invite.body.decode(), invite.headers.get("CSeq")) == ("INVITE", sdp, f"{number} INVITE")
        assert f"tag={tag}" in (invite.headers.get("From") or "")
        (ack,) = wire.send(reply(invite, 200, body=ANSWER))
        assert isinstance(ack, Request) and ack.headers.get("CSeq") == f"{number} ACK"
        assert wire.events() == [OfferAnswered(call, ANSWER)]
        assert wire.send(reply(invite, 200, body=ANSWER)) == [ack]
        assert wire.events() == []


def test_offer_waits_for_the_ack_of_the_answer() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.offer(call, HOLD, wire.now)
    wire.agent.answer(call, ANSWER, wire.now)
    ok = wire.take_response()
    tag = (ok.headers.get("To") or "").partition("tag=")[2]
    (invite,) = wire.send(request("ACK", tag=tag, branch="ack"))
    assert isinstance(invite, Request) and invite.body.decode() == HOLD


def test_the_last_of_several_wishes_is_sent_next() -> None:
    wire = Wire()
    call, _ = wire.answer()
    for sdp in (HOLD, AGAIN, OFFER):
        wire.agent.offer(call, sdp, wire.now)
    first = wire.take_request()
    _, second = wire.send(reply(first, 200, body=ANSWER))
    assert isinstance(second, Request) and second.body.decode() == OFFER


@pytest.mark.parametrize(("ours", "least", "most"), [(False, 0.0, 2.0), (True, 2.1, 4.0)])
def test_offers_that_cross_are_made_again_after_a_while(ours: bool, least: float, most: float) -> None:
    wire = Wire()
    if ours:
        call, dialled = wire.dial_up()
        theirs = within(dialled, "INVITE", 2, body=AGAIN)
    else:
        call, tag = wire.answer()
        theirs = request("INVITE", 2, tag=tag, branch="two", body=AGAIN)
    wire.agent.offer(call, HOLD, wire.now)
    invite = wire.take_request()
    (refused,) = wire.send(theirs)
    assert isinstance(refused, Response) and refused.status == 491
    began = wire.now
    wire.send(reply(invite, 491))
    wire.wait(max(least - 0.05, 0))
    assert ours is False or not [message for message in wire.take() if isinstance(message, Request)]
    sent = [message for message in wire.wait(most - max(least - 0.05, 0)) if isinstance(message, Request)]
    assert sent and sent[0].body.decode() == HOLD and wire.now - began <= most + 0.01
    assert wire.events() == []
    wire.send(reply(sent[0], 200, body=ANSWER))
    assert wire.events() == [OfferAnswered(call, ANSWER)]


def test_offer_waits_while_the_peers_is_open() -> None:
    wire = Wire()
    call, tag = wire.answer()
    wire.send(request("UPDATE", 2, tag=tag, branch="two", body=AGAIN))
    wire.agent.offer(call, HOLD, wire.now)
    assert wire.take() == []
    assert wire.events() == [CallOffer(call, AGAIN)]
    wire.agent.accept_offer(call, ANSWER, wire.now)
    answer, invite = wire.take()
    assert isinstance(answer, Response) and answer.status == 200
    assert isinstance(invite, Request) and invite.body.decode() == HOLD


@pytest.mark.parametrize(("status", "more"), [(488, {}), (603, {}), (500, {}), (503, {"Retry-After": "600"})])
def test_refused_offer_leaves_the_call(status: int, more: dict[str, str]) -> None:
    wire = Wire()
    call, _ = wire.answer()
    wire.agent.offer(call, HOLD, wire.now)
    invite = wire.take_request()
    wire.send(reply(invite, status, **more))
    assert (wire.events(), wire.agent.calls) == ([OfferRefused(call, status)], 1)


def test_peer_may_put_us_off() -> None:
    wire = Wire()
    call, _ = wire.answer()
    wire.agent.offer(call, HOLD, wire.now)
    invite = wire.take_request()
    wire.send(reply(invite, 500, Retry_After="5"))
    assert wire.wait(4.9) == []
    assert [message.method for message in wire.wait(1.2) if isinstance(message, Request)] == ["INVITE"]
    assert wire.events() == []


@pytest.mark.parametrize(("ours", "least", "most"), [(False, 0.0, 2.0), (True, 2.1, 4.0)])
def test_who_made_the_call_id_waits_longer_after_offers_have_crossed(ours: bool, least: float, most: float) -> None:
    """RFC 3261 §14.1, in steps of 10 ms: the two spans do not overlap."""
    wire = Wire()
    call = wire.dial_up()[0] if ours else wire.answer()[0]
    offers = wire.agent._core.sessions[call].offers
    delays = [offers._retry_delay(Response(491, "")) or 0.0 for _ in range(500)]
    assert least <= min(delays) < least + 0.1 and most - 0.1 < max(delays) <= most
    assert all(abs(100 * delay - round(100 * delay)) < 1e-6 for delay in delays)


def test_peer_that_always_crosses_is_given_up() -> None:
    wire = Wire()
    call, _ = wire.answer()
    wire.agent.offer(call, HOLD, wire.now)
    invite = wire.take_request()
    for _ in range(8):
        wire.send(reply(invite, 491))
        invites = [message for message in wire.wait(2.0) if isinstance(message, Request)]
        invite = invites[0] if invites else invite
    assert wire.events() == [OfferRefused(call, 491)]


@pytest.mark.parametrize("status", [408, 481])
def test_peer_that_has_no_such_call_is_left(status: int) -> None:
    wire = Wire()
    call, _ = wire.answer()
    wire.agent.offer(call, HOLD, wire.now)
    invite = wire.take_request()
    sent = wire.send(reply(invite, status))
    assert [message.method for message in sent if isinstance(message, Request)] == ["ACK", "BYE"]
    assert wire.events() == [CallEnded(call, "timeout" if status == 408 else "error", status)]


def test_peer_that_does_not_answer_is_left() -> None:
    wire = Wire()
    call, _ = wire.answer()
    wire.agent.offer(call, HOLD, wire.now)
    sent = [message.method for message in wire.wait(33) if isinstance(message, Request)]
    assert (sent.count("BYE") > 0, wire.events()) == (True, [CallEnded(call, "timeout", 408)])


def test_peer_that_says_100_and_nothing_more_is_left() -> None:
    wire = Wire()
    call, _ = wire.answer()
    wire.agent.offer(call, HOLD, wire.now)
    wire.send(reply(wire.take_request(), 100))
    wire.wait(179)
    assert (wire.agent.calls, wire.events()) == (1, [])
    wire.wait(2)
    assert wire.events() == [CallEnded(call, "timeout", 408)]
    wire.wait(100)
    assert (wire.agent.calls, wire.agent.transactions) == (0, 0)


def test_answer_that_is_none() -> None:
    wire = Wire()
    call, _ = wire.answer()
    wire.agent.offer(call, HOLD, wire.now)
    (ack,) = wire.send(reply(wire.take_request(), 200))
    assert isinstance(ack, Request) and ack.method == "ACK"
    assert wire.events() == [OfferRefused(call, 500)]


def test_call_that_ends_before_the_answer_to_an_offer() -> None:
    wire = Wire()
    call, tag = wire.answer()
    wire.agent.offer(call, HOLD, wire.now)
    invite = wire.take_request()
    wire.send(request("BYE", 2, tag=tag, branch="bye"))
    assert wire.events() == [CallEnded(call, "bye", 200)]
    (ack,) = wire.send(reply(invite, 200, body=ANSWER))
    assert isinstance(ack, Request) and ack.method == "ACK"
    wire.wait(100)
    assert (wire.events(), wire.agent.calls, wire.agent.transactions) == ([], 0, 0)
