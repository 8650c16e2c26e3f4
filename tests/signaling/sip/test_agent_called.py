"""The called side, message by message."""

import pytest

from signaling.sip.errors import ValueRefused
from signaling.sip.events import CallAnswered, CallEnded, CallOffer, IncomingCall, OfferAnswered, OfferWithdrawn
from signaling.sip.flow import Flow
from signaling.sip.messages.message import Request, Response
from tests.signaling.sip.network import ANSWER, OFFER
from tests.signaling.sip.wire import PEER, Wire, reply, request, tag_of
from vault.pii import Pii


def statuses(messages: list[Request | Response]) -> list[int | str]:
    return [message.status if isinstance(message, Response) else message.method for message in messages]


def test_incoming_call_is_told_with_all_that_is_known() -> None:
    wire = Wire()
    assert statuses(wire.send(request("INVITE", body=OFFER))) == [100]
    (event,) = wire.events()
    assert isinstance(event, IncomingCall)
    assert (event.trunk, event.flow, event.called, event.sdp) == ("carrier", wire.flow, "493012345", OFFER)
    assert (event.caller, event.display) == (Pii("+4917"), Pii("Ada"))
    assert "4917" not in repr(event) and "Ada" not in repr(event)


def test_200_has_our_contact_and_the_routes_and_no_second_tag() -> None:
    wire = Wire()
    wire.send(request("INVITE", body=OFFER, Record_Route="<sip:p1.test;lr>, <sip:p2.test;lr>"))
    (event,) = wire.events()
    wire.agent.ring(event.call, wire.now)
    wire.agent.answer(event.call, ANSWER, wire.now)
    ringing, ok = wire.take()
    assert tag_of(ringing) == tag_of(ok) != ""
    assert ok.headers.get("Contact") == "<sip:192.0.2.1:5060>"
    assert ok.headers.get_all("Record-Route") == ["<sip:p1.test;lr>, <sip:p2.test;lr>"]
    assert (ok.body.decode(), ok.headers.get("Content-Type")) == (ANSWER, "application/sdp")
    assert wire.outgoing[0].flow.remote == PEER


def test_rport_sends_answers_where_the_request_came_from() -> None:
    wire = Wire()
    behind = Flow("udp", wire.flow.local, ("198.51.100.7", 40001))
    (trying,) = wire.send(request("INVITE", Via="SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKn;rport"), behind)
    assert wire.outgoing[0].flow.remote == ("198.51.100.7", 40001)
    assert trying.headers.get("Via") == (
        "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKn;rport=40001;received=198.51.100.7"
    )  # fmt: skip


def test_repeated_invite_gets_the_last_answer_again_and_no_second_call() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.ring(call, wire.now)
    wire.take()
    assert statuses(wire.send(request("INVITE", body=OFFER))) == [180]
    assert (wire.events(), wire.agent.calls) == ([], 1)


def test_merged_request_is_482() -> None:
    wire = Wire()
    wire.ring_in()
    assert statuses(wire.send(request("INVITE", branch="other-way", body=OFFER))) == [482]


def test_200_is_repeated_until_the_ack() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.answer(call, ANSWER, wire.now)
    (ok,) = wire.take()
    assert statuses(wire.wait(3.6)) == [200, 200, 200]  # 0.5, 1.5, 3.5
    wire.send(request("ACK", tag=tag_of(ok), branch="ack"))
    assert wire.events() == [CallAnswered(call, None)]
    assert wire.wait(40) == []


def test_200_without_an_ack_ends_with_bye() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.answer(call, ANSWER, wire.now)
    wire.take()
    sent = statuses(wire.wait(32))
    assert sent[:-1] == [200] * 10 and sent[-1] == "BYE"
    assert wire.events() == [CallEnded(call, "timeout", 408)]
    wire.wait(40)
    assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)


def test_late_offer_is_answered_in_the_ack() -> None:
    wire = Wire()
    call = wire.ring_in(None)
    wire.agent.answer(call, OFFER, wire.now)
    (ok,) = wire.take()
    wire.send(request("ACK", tag=tag_of(ok), branch="ack", body=ANSWER))
    assert wire.events() == [CallAnswered(call, ANSWER)]


def test_cancel_before_the_answer() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.ring(call, wire.now)
    (ringing,) = wire.take()
    ok, terminated = wire.send(request("CANCEL"))
    assert statuses([ok, terminated]) == [200, 487]
    assert tag_of(ok) == tag_of(terminated) == tag_of(ringing)
    assert wire.events() == [CallEnded(call, "cancel", 487)]
    assert statuses(wire.wait(0.6)) == [487]
    assert wire.send(request("ACK", tag=tag_of(terminated))) == []
    assert statuses(wire.send(request("CANCEL"))) == [200]
    wire.wait(40)
    assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)


def test_cancel_after_the_answer_changes_nothing() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.answer(call, ANSWER, wire.now)
    (ok,) = wire.take()
    assert statuses(wire.send(request("CANCEL"))) == [200]
    wire.send(request("ACK", tag=tag_of(ok), branch="ack"))
    assert wire.events() == [CallAnswered(call, None)]


def test_commands_after_the_cancel_do_nothing() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.send(request("CANCEL"))
    wire.agent.ring(call, wire.now)
    wire.agent.answer(call, ANSWER, wire.now)
    wire.agent.reject(call, 486, "", wire.now)
    wire.agent.hang_up(call, wire.now)
    assert wire.take() == []


def test_reject_with_reason_is_repeated_until_the_ack() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.reject(call, 488, "No common codec", wire.now)
    (refused,) = wire.take()
    assert isinstance(refused, Response)
    assert (refused.status, refused.reason) == (488, "No common codec")
    assert wire.events() == [CallEnded(call, "rejected", 488)]
    assert statuses(wire.wait(1.6)) == [488, 488]
    wire.send(request("ACK", tag=tag_of(refused)))
    assert wire.wait(40) == []
    assert (wire.agent.calls, wire.agent.transactions) == (0, 0)


@pytest.mark.parametrize(("status", "reason"), [(200, ""), (486, "a\r\nVia: b"), (99, "")])
def test_what_is_no_refusal_changes_nothing(status: int, reason: str) -> None:
    wire = Wire()
    call = wire.ring_in()
    with pytest.raises(ValueRefused):
        wire.agent.reject(call, status, reason, wire.now)
    assert (wire.take(), wire.events(), wire.agent.calls) == ([], [], 1)


def test_hang_up_before_the_answer_is_480() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.hang_up(call, wire.now)
    assert statuses(wire.take()) == [480]


def test_hang_up_before_the_ack_waits_for_it() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.answer(call, ANSWER, wire.now)
    (ok,) = wire.take()
    wire.agent.hang_up(call, wire.now)
    assert (wire.take(), wire.events()) == ([], [CallEnded(call, "bye", 200)])
    (bye,) = wire.send(request("ACK", tag=tag_of(ok), branch="ack"))
    assert isinstance(bye, Request) and bye.method == "BYE"
    wire.send(reply(bye, 200))
    assert (wire.events(), wire.agent.calls) == ([], 0)


def test_hang_up_with_a_reason() -> None:
    wire = Wire()
    call, tag = wire.answer()
    with pytest.raises(ValueRefused):
        wire.agent.hang_up(call, wire.now, "a\r\nb")
    wire.agent.hang_up(call, wire.now, 'agent "left"')
    (bye,) = wire.take()
    assert isinstance(bye, Request)
    assert bye.headers.get("Reason") == 'SIP;cause=200;text="agent \\"left\\""'
    assert (bye.uri, bye.headers.get("CSeq")) == ("sip:ada@192.0.2.9:5070", "1 BYE")
    assert bye.headers.get("To") == '"Ada" <sip:+4917@caller.test>;tag=theirs'
    assert bye.headers.get("From") == f"<sip:493012345@pbx.test>;tag={tag}"


def test_bye_of_the_peer() -> None:
    wire = Wire()
    call, tag = wire.answer()
    bye = request("BYE", 2, tag=tag, branch="bye")
    assert statuses(wire.send(bye)) == [200]
    assert wire.events() == [CallEnded(call, "bye", 200)]
    assert statuses(wire.send(bye)) == [200]
    assert statuses(wire.send(request("BYE", 3, tag=tag, branch="bye2"))) == [481]


def test_bye_before_the_answer_ends_the_invite() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.ring(call, wire.now)
    (ringing,) = wire.take()
    assert statuses(wire.send(request("BYE", 2, tag=tag_of(ringing), branch="bye"))) == [200, 487]
    assert wire.events() == [CallEnded(call, "bye", 200)]


def test_byes_that_cross() -> None:
    wire = Wire()
    call, tag = wire.answer()
    wire.agent.hang_up(call, wire.now)
    (ours,) = wire.take()
    assert statuses(wire.send(request("BYE", 2, tag=tag, branch="bye"))) == [200]
    wire.send(reply(ours, 481))
    assert wire.events() == [CallEnded(call, "bye", 200)]
    assert wire.agent.calls == 0


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_offer_in_the_call_is_accepted(method: str) -> None:
    wire = Wire()
    call, tag = wire.answer()
    assert statuses(wire.send(request(method, 2, tag=tag, branch="two", body=OFFER))) == (
        [100] if method == "INVITE" else []
    )
    assert wire.events() == [CallOffer(call, OFFER)]
    wire.agent.accept_offer(call, ANSWER, wire.now)
    (ok,) = wire.take()
    assert (statuses([ok]), ok.body.decode()) == ([200], ANSWER)
    if method == "INVITE":
        assert statuses(wire.wait(0.6)) == [200]
        wire.send(request("ACK", 2, tag=tag, branch="ack2"))
    assert (wire.events(), wire.wait(3)) == ([], [])


def test_offer_in_the_call_is_refused_and_the_call_goes_on() -> None:
    wire = Wire()
    call, tag = wire.answer()
    wire.send(request("INVITE", 2, tag=tag, branch="two", body=OFFER))
    with pytest.raises(ValueRefused):
        wire.agent.reject_offer(call, 200, "", wire.now)
    wire.agent.reject_offer(call, 488, "", wire.now)
    assert wire.responses() == [488]
    wire.send(request("ACK", 2, tag=tag, branch="two"))
    assert wire.agent.calls == 1


def test_reinvite_without_sdp_asks_for_our_offer() -> None:
    wire = Wire()
    call, tag = wire.answer()
    wire.send(request("INVITE", 2, tag=tag, branch="two"))
    assert wire.events() == [CallOffer(call, None)]
    wire.agent.accept_offer(call, OFFER, wire.now)
    wire.take()
    assert statuses(wire.send(request("UPDATE", 3, tag=tag, branch="u", body=OFFER))) == [491]
    wire.send(request("ACK", 2, tag=tag, branch="ack2", body=ANSWER))
    assert wire.events() == [OfferAnswered(call, ANSWER)]


def test_reinvite_without_an_ack_ends_the_call() -> None:
    wire = Wire()
    call, tag = wire.answer()
    wire.send(request("INVITE", 2, tag=tag, branch="two", body=OFFER))
    wire.agent.accept_offer(call, ANSWER, wire.now)
    assert statuses(wire.wait(33))[-1] == "BYE"
    assert wire.events()[-1] == CallEnded(call, "timeout", 408)


def test_second_offer_while_one_is_open_is_500() -> None:
    wire = Wire()
    _, tag = wire.answer()
    wire.send(request("INVITE", 2, tag=tag, branch="two", body=OFFER))
    (refused,) = wire.send(request("INVITE", 3, tag=tag, branch="three", body=OFFER))
    assert statuses([refused]) == [500]
    assert 0 <= int(refused.headers.get("Retry-After") or "x") <= 10


def test_reinvite_that_overtakes_the_ack_counts_as_one() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.answer(call, ANSWER, wire.now)
    (ok,) = wire.take()
    assert statuses(wire.send(request("INVITE", 2, tag=tag_of(ok), branch="two", body=OFFER))) == [100]
    assert wire.events() == [CallAnswered(call, None), CallOffer(call, OFFER)]


def test_cancelled_reinvite_leaves_the_call() -> None:
    wire = Wire()
    call, tag = wire.answer()
    wire.send(request("INVITE", 2, tag=tag, branch="two", body=OFFER))
    wire.events()
    assert statuses(wire.send(request("CANCEL", 2, tag=tag, branch="two"))) == [200, 487]
    assert wire.events() == [OfferWithdrawn(call)]
    wire.agent.accept_offer(call, ANSWER, wire.now)
    assert (wire.take(), wire.agent.calls) == ([], 1)


def test_update_without_sdp_moves_the_contact() -> None:
    wire = Wire()
    call, tag = wire.answer()
    assert statuses(wire.send(request("UPDATE", 2, tag=tag, branch="u", Contact="<sip:new@192.0.2.10>"))) == [200]
    wire.agent.hang_up(call, wire.now)
    (bye,) = wire.take()
    assert isinstance(bye, Request) and bye.uri == "sip:new@192.0.2.10"
    assert wire.outgoing[0].flow.remote == ("192.0.2.10", 5060)


@pytest.mark.parametrize(("number", "status"), [(1, 500), (0, 500), (2, 200)])
def test_old_requests_in_a_call_are_500(number: int, status: int) -> None:
    wire = Wire()
    _, tag = wire.answer()
    assert statuses(wire.send(request("OPTIONS", number, tag=tag, branch="o"))) == [status]


def test_session_timer_offers_are_left_unused() -> None:
    wire = Wire()
    invite = request("INVITE", body=OFFER, Supported="timer, 100rel", Session_Expires="1800;refresher=uac", Min_SE="90")
    assert statuses(wire.send(invite)) == [100]


def test_ringing_is_repeated_each_minute() -> None:
    wire = Wire()
    call = wire.ring_in()
    wire.agent.ring(call, wire.now)
    wire.take()
    assert statuses(wire.wait(125)) == [180, 180]
    wire.agent.reject(call, 486, "", wire.now)
    wire.take()
    wire.send(request("ACK", tag="id1"))
    assert wire.wait(200) == []


def test_connection_lost_before_the_answer() -> None:
    wire = Wire(transport="tcp")
    call = wire.ring_in()
    wire.agent.ring(call, wire.now)
    wire.take()
    assert wire.agent.uses(wire.flow)
    wire.agent.flow_closed(wire.flow, wire.now)
    assert wire.events() == [CallEnded(call, "lost", 503)]
    assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)


def test_connection_lost_in_the_call_and_a_new_one_for_the_bye() -> None:
    wire = Wire(transport="tcp")
    call, _ = wire.answer()
    wire.agent.flow_closed(wire.flow, wire.now)
    assert (wire.events(), wire.agent.calls) == ([], 1)
    wire.agent.hang_up(call, wire.now)
    wire.take()
    assert wire.outgoing[0].flow == Flow("tcp", wire.flow.local, PEER, 0)


def test_sips_call_gets_a_sips_contact() -> None:
    wire = Wire(transport="tls")
    invite = request("INVITE", body=OFFER, Contact="<sips:a@192.0.2.9>")
    wire.send(Request("INVITE", "sips:493012345@192.0.2.1", invite.headers, invite.body))
    (event,) = wire.events()
    wire.agent.answer(event.call, ANSWER, wire.now)
    (ok,) = wire.take()
    assert ok.headers.get("Contact") == "<sips:192.0.2.1:5060>"


def test_peer_of_rfc_2543_without_branch_and_tag() -> None:
    wire = Wire()
    old = {"via": "SIP/2.0/UDP 192.0.2.9:5070", "sender": "<sip:+4917@caller.test>"}
    invite = request("INVITE", body=OFFER, Via=old["via"], From=old["sender"])
    assert statuses(wire.send(invite)) == [100]
    (event,) = wire.events()
    assert statuses(wire.send(invite)) == [100]
    wire.agent.reject(event.call, 486, "", wire.now)
    (refused,) = wire.take()
    wire.send(request("ACK", tag=tag_of(refused), Via=old["via"], From=old["sender"]))
    assert wire.wait(40) == []
