"""Reliable provisional answers (RFC 3262), given and taken, and the offers that they carry."""

import pytest

from signaling.sip.events import (
    CallAnswered,
    CallEnded,
    CallOffer,
    CallProgress,
    CallRinging,
    OfferAnswered,
)
from signaling.sip.messages.message import Message, Request, Response
from tests.signaling.sip.network import ANSWER, OFFER
from tests.signaling.sip.wire import CONTACT, Wire, reply, request, tag_of, within

SECOND = OFFER.replace("4000", "4002")
THIRD = OFFER.replace("4000", "4004")


def prack(answer: Message, number: int = 2, body: str | None = None) -> Request:
    rack = f"{answer.headers.get('RSeq')} 1 INVITE"
    return request("PRACK", number, tag=tag_of(answer), branch=f"prack{number}", body=body, RAck=rack)


def statuses(messages: list[Message]) -> list[int]:
    return [message.status for message in messages if isinstance(message, Response)]


class TestGiven:
    """By us, the called side."""

    def test_early_media_is_repeated_until_its_prack(self) -> None:
        wire = Wire()
        call = wire.ring_in(Supported="100rel")
        wire.agent.progress(call, ANSWER, wire.now)
        progress = wire.take_response()
        assert (progress.status, progress.body.decode(), progress.headers.get("Require")) == (183, ANSWER, "100rel")
        assert wire.wait(0.4) == []
        assert wire.wait(3.2) == [progress] * 3  # after 0.5, 1.5 and 3.5 s
        assert statuses(wire.send(prack(progress))) == [200]
        assert wire.wait(40) == []

    def test_peer_that_knows_nothing_of_it_gets_plain_answers(self) -> None:
        wire = Wire()
        call = wire.ring_in()
        wire.agent.progress(call, ANSWER, wire.now)
        progress = wire.take_response()
        assert (progress.headers.get("RSeq"), progress.body.decode()) == (None, ANSWER)

    def test_ringing_is_reliable_only_if_the_peer_requires_it(self) -> None:
        for header, expected in (("Supported", None), ("Require", "100rel")):
            wire = Wire()
            call = wire.ring_in(**{header: "100rel"})
            wire.agent.ring(call, wire.now)
            assert wire.take_response().headers.get("Require") == expected

    def test_the_next_waits_for_the_prack_of_the_one_before(self) -> None:
        wire = Wire()
        call = wire.ring_in(Require="100rel")
        wire.agent.ring(call, wire.now)
        ringing = wire.take_response()
        wire.agent.progress(call, ANSWER, wire.now)
        assert wire.take() == []
        ok, progress = sorted(
            wire.send(prack(ringing)), key=lambda message: isinstance(message, Response) and message.status != 200
        )
        assert statuses([ok, progress]) == [200, 183]
        assert int(progress.headers.get("RSeq") or 0) == int(ringing.headers.get("RSeq") or 0) + 1

    def test_200_waits_for_the_prack_of_a_description_and_does_not_repeat_it(self) -> None:
        wire = Wire()
        call = wire.ring_in(Supported="100rel")
        wire.agent.progress(call, ANSWER, wire.now)
        progress = wire.take_response()
        wire.agent.answer(call, ANSWER, wire.now)
        assert wire.take() == []
        first, second = wire.send(prack(progress))
        ok = first if first.headers.get("CSeq") == "1 INVITE" else second
        assert (statuses([ok]), ok.body) == ([200], b"")
        wire.send(request("ACK", tag=tag_of(ok), branch="ack"))
        assert wire.events() == [CallAnswered(call, None)]

    def test_200_does_not_wait_for_a_ringing(self) -> None:
        wire = Wire()
        call = wire.ring_in(Require="100rel")
        wire.agent.ring(call, wire.now)
        ringing = wire.take_response()
        wire.agent.answer(call, ANSWER, wire.now)
        assert wire.take_response().status == 200
        assert statuses(wire.send(prack(ringing))) == [481]

    def test_without_a_prack_the_call_fails(self) -> None:
        wire = Wire()
        call = wire.ring_in(Supported="100rel")
        wire.agent.progress(call, ANSWER, wire.now)
        wire.take()
        assert statuses(wire.wait(33))[-1] == 504
        assert wire.events() == [CallEnded(call, "timeout", 504)]
        wire.wait(40)
        assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)

    @pytest.mark.parametrize("rack", ["1 1 INVITE", "x", ""])
    def test_prack_of_nothing(self, rack: str) -> None:
        wire = Wire()
        call = wire.ring_in(Supported="100rel")
        wire.agent.progress(call, ANSWER, wire.now)
        tag = tag_of(wire.take_response())
        assert statuses(wire.send(request("PRACK", 2, tag=tag, branch="p", RAck=rack))) == [481 if "1" in rack else 400]

    def test_repeated_prack_is_answered_again(self) -> None:
        wire = Wire()
        call = wire.ring_in(Supported="100rel")
        wire.agent.progress(call, ANSWER, wire.now)
        progress = wire.take_response()
        assert wire.send(prack(progress)) == wire.send(prack(progress))

    def test_our_offer_goes_early_and_the_prack_answers_it(self) -> None:
        wire = Wire()
        call = wire.ring_in(None, Supported="100rel")
        wire.agent.progress(call, OFFER, wire.now)
        progress = wire.take_response()
        assert statuses(wire.send(prack(progress, body=ANSWER))) == [200]
        assert wire.events() == [OfferAnswered(call, ANSWER)]
        wire.agent.answer(call, OFFER, wire.now)
        ok = wire.take_response()
        assert ok.body == b""
        wire.send(request("ACK", tag=tag_of(ok), branch="ack"))
        assert wire.events() == [CallAnswered(call, None)]

    def test_offer_of_ours_has_no_place_in_a_plain_answer(self) -> None:
        wire = Wire()
        call = wire.ring_in(None)
        wire.agent.progress(call, OFFER, wire.now)
        assert wire.take_response().body == b""

    def test_prack_may_bring_another_offer(self) -> None:
        wire = Wire()
        call = wire.ring_in(Supported="100rel")
        wire.agent.progress(call, ANSWER, wire.now)
        assert wire.send(prack(wire.take_response(), body=SECOND)) == []
        assert wire.events() == [CallOffer(call, SECOND)]
        wire.agent.accept_offer(call, ANSWER, wire.now)
        answer = wire.take_response()
        assert (answer.status, answer.headers.get("CSeq"), answer.body.decode()) == (200, "2 PRACK", ANSWER)

    def test_update_before_the_answer(self) -> None:
        wire = Wire()
        call = wire.ring_in(Supported="100rel")
        wire.agent.progress(call, ANSWER, wire.now)
        progress = wire.take_response()
        update = request("UPDATE", 2, tag=tag_of(progress), branch="u", body=SECOND)
        assert statuses(wire.send(update)) == [500]  # the first answer is not there yet, for all we know
        wire.send(prack(progress, 3))
        assert wire.send(request("UPDATE", 4, tag=tag_of(progress), branch="u2", body=SECOND)) == []
        assert wire.events() == [CallOffer(call, SECOND)]
        wire.agent.accept_offer(call, ANSWER, wire.now)
        assert wire.take_response().headers.get("CSeq") == "4 UPDATE"

    def test_update_of_ours_before_the_answer(self) -> None:
        wire = Wire()
        call = wire.ring_in(Supported="100rel", Allow="INVITE, UPDATE, PRACK")
        wire.agent.progress(call, ANSWER, wire.now)
        progress = wire.take_response()
        wire.agent.offer(call, SECOND, wire.now)
        assert wire.take() == []
        sent = wire.send(prack(progress))
        (update,) = [message for message in sent if isinstance(message, Request)]
        assert (update.method, update.body.decode()) == ("UPDATE", SECOND)
        wire.send(reply(update, 200, body=ANSWER))
        assert wire.events() == [OfferAnswered(call, ANSWER)]

    def test_cancel_ends_the_repetitions(self) -> None:
        wire = Wire()
        call = wire.ring_in(Supported="100rel")
        wire.agent.progress(call, ANSWER, wire.now)
        wire.take()
        assert statuses(wire.send(request("CANCEL"))) == [200, 487]
        wire.send(request("ACK"))
        assert 183 not in statuses(wire.wait(40))


def progress_of(invite: Request, rseq: int, tag: str = "theirs", body: str | None = ANSWER) -> Response:
    return reply(invite, 183, tag=tag, body=body, Require="100rel", RSeq=str(rseq), **CONTACT)


class TestTaken:
    """By us, the calling side."""

    def test_prack_says_which(self) -> None:
        wire = Wire()
        call, invite = wire.dial()
        (sent,) = wire.send(progress_of(invite, 700))
        assert isinstance(sent, Request)
        assert (sent.method, sent.uri) == ("PRACK", "sip:bob@192.0.2.9:5071")
        assert (sent.headers.get("RAck"), sent.headers.get("CSeq")) == ("700 1 INVITE", "2 PRACK")
        assert wire.events() == [CallProgress(call, ANSWER)]

    def test_each_counts_once_and_in_order(self) -> None:
        wire = Wire()
        call, invite = wire.dial()
        wire.send(progress_of(invite, 700))
        for rseq in (700, 702, 699):
            assert wire.send(progress_of(invite, rseq, body=SECOND)) == []
        assert wire.events() == [CallProgress(call, ANSWER)]
        assert len(wire.send(reply(invite, 180, Require="100rel", RSeq="701"))) == 1
        assert wire.events() == [CallRinging(call)]

    @pytest.mark.parametrize("rseq", ["", "0", "x", "4294967296"])
    def test_what_cannot_be_acknowledged_is_a_plain_answer(self, rseq: str) -> None:
        wire = Wire()
        call, invite = wire.dial()
        assert wire.send(reply(invite, 180, Require="100rel", RSeq=rseq)) == []
        assert wire.events() == [CallRinging(call)]

    def test_answer_came_early_and_the_200_has_none(self) -> None:
        wire = Wire()
        call, invite = wire.dial()
        wire.send(progress_of(invite, 1))
        (ack,) = wire.send(reply(invite, 200, **CONTACT))
        assert isinstance(ack, Request)
        assert (ack.method, ack.headers.get("CSeq")) == ("ACK", "1 ACK")
        assert wire.events() == [CallProgress(call, ANSWER), CallAnswered(call, ANSWER)]

    def test_offer_of_the_peer_is_answered_by_the_prack(self) -> None:
        wire = Wire()
        call, invite = wire.dial(None)
        assert wire.send(progress_of(invite, 1, body=OFFER)) == []
        assert wire.send(progress_of(invite, 1, body=OFFER)) == []
        assert wire.events() == [CallOffer(call, OFFER)]
        wire.agent.accept_offer(call, ANSWER, wire.now)
        sent = wire.take_request()
        assert (sent.method, sent.body.decode()) == ("PRACK", ANSWER)
        (ack,) = wire.send(reply(invite, 200, **CONTACT))
        assert ack.body == b""
        assert wire.events() == [CallAnswered(call, None)]

    def test_offer_of_the_peer_that_we_refuse_ends_the_call(self) -> None:
        wire = Wire()
        call, invite = wire.dial(None)
        wire.send(progress_of(invite, 1, body=OFFER))
        wire.events()
        wire.agent.reject_offer(call, 488, "", wire.now)
        assert wire.take_request().method == "CANCEL"

    def test_update_of_the_peer_before_its_answer(self) -> None:
        wire = Wire()
        call, invite = wire.dial()
        wire.send(progress_of(invite, 1))
        wire.events()
        assert wire.send(within(invite, "UPDATE", 5, body=SECOND)) == []
        assert wire.events() == [CallOffer(call, SECOND)]
        wire.agent.accept_offer(call, THIRD, wire.now)
        assert wire.take_response().body.decode() == THIRD

    def test_update_before_our_offer_is_answered(self) -> None:
        wire = Wire()
        _, invite = wire.dial()
        wire.send(reply(invite, 180, **CONTACT))
        assert statuses(wire.send(within(invite, "UPDATE", 5, body=SECOND))) == [500]
