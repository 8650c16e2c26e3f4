"""Transfers (RFC 3515, RFC 3891): asked of us, asked by us, and a call that takes the place of another."""

import pytest

from signaling.sip.events import CallAnswered, CallEnded, IncomingCall, TakeoverRefused, TransferAsked, TransferReported
from signaling.sip.messages.message import Message, Request, Response
from signaling.sip.messages.uri import Uri
from tests.signaling.sip.network import ANSWER, OFFER
from tests.signaling.sip.wire import CONTACT, Wire, reply, request, tag_of, within
from vault.pii import Pii

TARGET = "sip:+4930555@pbx.test"


def statuses(messages: list[Message]) -> list[int]:
    return [message.status for message in messages if isinstance(message, Response)]


def requests(messages: list[Message]) -> list[Request]:
    return [message for message in messages if isinstance(message, Request)]


class TestAskedOfUs:
    def test_blind_transfer_is_reported(self) -> None:
        wire = Wire()
        call, tag = wire.answer()
        assert wire.send(request("REFER", 2, tag=tag, branch="r", Refer_To=f"<{TARGET}>")) == []
        assert wire.events() == [TransferAsked(call, Pii(Uri.parse(TARGET)), None)]
        wire.agent.accept_transfer(call, wire.now)
        accepted, trying = wire.take()
        assert statuses([accepted]) == [202]
        for status, sent in ((100, trying), (180, None), (200, None)):
            if sent is None:
                wire.agent.report_transfer(call, status, wire.now)
                sent = wire.take_request()
            assert isinstance(sent, Request) and sent.method == "NOTIFY"
            assert sent.body.decode().startswith(f"SIP/2.0 {status} ")
            assert sent.headers.get("Event") == "refer;id=2"
            assert sent.headers.get("Content-Type") == "message/sipfrag"
            state = sent.headers.get("Subscription-State") or ""
            assert state.startswith("terminated" if status == 200 else "active")
            wire.send(reply(sent, 200))
        wire.agent.report_transfer(call, 200, wire.now)
        assert wire.take() == []

    def test_before_the_answer_it_is_too_early(self) -> None:
        wire = Wire()
        call = wire.ring_in()
        wire.agent.ring(call, wire.now)
        refer = request("REFER", 2, tag=tag_of(wire.take_response()), branch="r", Refer_To=f"<{TARGET}>")
        (answer,) = wire.send(refer)
        assert isinstance(answer, Response) and answer.status == 500 and answer.headers.get("Retry-After") is not None
        assert (wire.events(), wire.agent.calls) == ([], 1)

    def test_peer_that_wants_no_reports(self) -> None:
        wire = Wire()
        call, tag = wire.answer()
        wire.send(request("REFER", 2, tag=tag, branch="r", Refer_To=f"<{TARGET}>", Refer_Sub="false"))
        wire.agent.accept_transfer(call, wire.now)
        accepted = wire.take_response()
        assert (accepted.status, accepted.headers.get("Refer-Sub")) == (202, "false")
        wire.agent.report_transfer(call, 200, wire.now)
        assert wire.take() == []

    def test_refused(self) -> None:
        wire = Wire()
        call, tag = wire.answer()
        wire.send(request("REFER", 2, tag=tag, branch="r", Refer_To=f"<{TARGET}>"))
        wire.agent.refuse_transfer(call, 603, wire.now)
        assert statuses(wire.take()) == [603]
        assert wire.agent.calls == 1

    @pytest.mark.parametrize(
        ("refer_to", "status"), [("", 400), ("<http://x.test>", 416), ("<sip:x", 400), ("<sip:x@y?Replaces=x>", 400)]
    )
    def test_target_that_cannot_be(self, refer_to: str, status: int) -> None:
        wire = Wire()
        _, tag = wire.answer()
        assert statuses(wire.send(request("REFER", 2, tag=tag, branch="r", Refer_To=refer_to))) == [status]

    def test_one_at_a_time(self) -> None:
        wire = Wire()
        _, tag = wire.answer()
        wire.send(request("REFER", 2, tag=tag, branch="r", Refer_To=f"<{TARGET}>"))
        assert statuses(wire.send(request("REFER", 3, tag=tag, branch="s", Refer_To=f"<{TARGET}>"))) == [500]

    def test_end_of_the_call_answers_what_was_not_decided(self) -> None:
        wire = Wire()
        _, tag = wire.answer()
        wire.send(request("REFER", 2, tag=tag, branch="r", Refer_To=f"<{TARGET}>"))
        assert sorted(statuses(wire.send(request("BYE", 3, tag=tag, branch="b")))) == [200, 487]

    def test_attended_names_the_other_call_of_ours(self) -> None:
        wire = Wire()
        call, tag = wire.answer()
        (trying,) = wire.send(request("INVITE", branch="z", Call_ID="call-2", body=OFFER))
        other = wire.events()[0]
        assert isinstance(other, IncomingCall) and statuses([trying]) == [100]
        wire.agent.answer(other.call, ANSWER, wire.now)
        ok = wire.take_response()
        replaces = f"Replaces=call-2%3Bto-tag%3D{tag_of(ok)}%3Bfrom-tag%3Dtheirs"
        wire.send(request("REFER", 2, tag=tag, branch="r", Refer_To=f"<{TARGET}?{replaces}>"))
        assert wire.events() == [TransferAsked(call, Pii(Uri.parse(TARGET)), other.call)]


class TestAskedByUs:
    def test_peer_reports(self) -> None:
        wire = Wire()
        call, invite = wire.dial_up()
        wire.agent.refer(call, Uri.parse(TARGET), wire.now)
        refer = wire.take_request()
        assert (refer.method, refer.headers.get("Refer-To")) == ("REFER", f"<{TARGET}>")
        wire.send(reply(refer, 202))
        for number, status, state in ((2, 100, "active"), (3, 180, "active"), (4, 200, "terminated;reason=noresource")):
            notify = within(
                invite, "NOTIFY", number, body=f"SIP/2.0 {status} x", Event="refer;id=2",
                Content_Type="message/sipfrag", Subscription_State=state,
            )  # fmt: skip
            assert statuses(wire.send(notify)) == [200]
            assert wire.events() == [TransferReported(call, status)]
        assert statuses(wire.send(within(invite, "NOTIFY", 5, Event="refer", Subscription_State="active"))) == [481]

    def test_subscription_that_ends_without_a_result_has_failed(self) -> None:
        wire = Wire()
        call, invite = wire.dial_up()
        wire.agent.refer(call, Uri.parse(TARGET), wire.now)
        wire.send(reply(wire.take_request(), 202))
        wire.send(within(invite, "NOTIFY", 2, Event="refer", Subscription_State="terminated"))
        assert wire.events() == [TransferReported(call, 500)]

    @pytest.mark.parametrize("status", [403, 603])
    def test_refused(self, status: int) -> None:
        wire = Wire()
        call, _ = wire.dial_up()
        wire.agent.refer(call, Uri.parse(TARGET), wire.now)
        wire.send(reply(wire.take_request(), status))
        assert (wire.events(), wire.agent.calls) == ([TransferReported(call, status)], 1)

    def test_other_events_are_not_ours(self) -> None:
        wire = Wire()
        _, invite = wire.dial_up()
        (answer,) = wire.send(within(invite, "NOTIFY", 2, Event="presence"))
        assert statuses([answer]) == [489] and answer.headers.get("Allow-Events") == "refer"

    def test_call_that_ends_meanwhile(self) -> None:
        wire = Wire()
        call, _ = wire.dial_up()
        wire.agent.refer(call, Uri.parse(TARGET), wire.now)
        wire.agent.hang_up(call, wire.now)
        assert wire.events() == [TransferReported(call, 487), CallEnded(call, "bye", 200)]

    def test_attended_says_which_call_to_replace(self) -> None:
        wire = Wire()
        call, invite = wire.dial_up()
        target = wire.agent.replacing(call, Uri.parse(TARGET))
        call_id = invite.headers.get("Call-ID")
        ours = (invite.headers.get("From") or "").partition("tag=")[2]
        assert str(target) == f"{TARGET}?Replaces={call_id}%3Bto-tag%3Dtheirs%3Bfrom-tag%3D{ours}"


class TestReplaces:
    """A new call with Replaces."""

    def test_takes_the_place_when_it_is_answered(self) -> None:
        wire = Wire()
        call, tag = wire.answer()
        replaces = f"call-1;to-tag={tag};from-tag=theirs"
        wire.send(request("INVITE", branch="n", Call_ID="call-2", body=OFFER, Require="replaces", Replaces=replaces))
        (arrived,) = wire.events()
        assert isinstance(arrived, IncomingCall) and arrived.replaces == call
        wire.agent.answer(arrived.call, ANSWER, wire.now)
        ok, bye = wire.take()
        assert statuses([ok]) == [200] and requests([bye])[0].method == "BYE"
        assert bye.headers.get("Call-ID") == "call-1"
        wire.send(request("ACK", tag=tag_of(ok), branch="a", Call_ID="call-2"))
        assert wire.events() == [CallEnded(call, "replaced", 200), CallAnswered(arrived.call, None)]

    def test_refused_leaves_the_old_one(self) -> None:
        wire = Wire()
        call, tag = wire.answer()
        replaces = f"call-1;to-tag={tag};from-tag=theirs"
        wire.send(request("INVITE", branch="n", Call_ID="call-2", body=OFFER, Replaces=replaces))
        arrived = wire.events()[0]
        assert isinstance(arrived, IncomingCall)
        wire.agent.reject(arrived.call, 403, "", wire.now)
        assert wire.events() == [CallEnded(arrived.call, "rejected", 403)]
        wire.agent.hang_up(call, wire.now)
        assert wire.events() == [CallEnded(call, "bye", 200)]

    @pytest.mark.parametrize(
        ("replaces", "status"),
        [
            ("call-1;to-tag={tag};from-tag=other", 481),
            ("call-1;to-tag=x;from-tag=theirs", 481),
            ("call-9;to-tag={tag};from-tag=theirs", 481),
            ("call-1;to-tag={tag};from-tag=theirs;early-only", 486),
            ("call-1;to-tag={tag}", 400),
        ],
    )
    def test_what_cannot_be_replaced(self, replaces: str, status: int) -> None:
        wire = Wire()
        _, tag = wire.answer()
        new = request("INVITE", branch="n", Call_ID="call-2", body=OFFER, Replaces=replaces.format(tag=tag))
        assert statuses(wire.send(new)) == [status]
        assert wire.agent.calls == 1

    def test_call_that_rings_here_is_not_taken_over(self) -> None:
        wire = Wire()
        call = wire.ring_in()
        wire.agent.ring(call, wire.now)
        tag = tag_of(wire.take_response())
        replaces = f"call-1;to-tag={tag};from-tag=theirs"
        assert statuses(wire.send(request("INVITE", branch="n", Call_ID="c2", body=OFFER, Replaces=replaces))) == [481]

    def test_call_of_ours_that_rings_there_may_be_taken_over(self) -> None:
        wire = Wire()
        call, invite = wire.dial()
        wire.send(reply(invite, 180, **CONTACT))
        ours = (invite.headers.get("From") or "").partition("tag=")[2]
        replaces = f"{invite.headers.get('Call-ID')};to-tag={ours};from-tag=theirs"
        wire.send(request("INVITE", branch="n", Call_ID="c2", body=OFFER, Replaces=replaces))
        arrived = wire.events()[-1]
        assert isinstance(arrived, IncomingCall) and arrived.replaces == call
        wire.agent.answer(arrived.call, ANSWER, wire.now)
        assert [message.method for message in requests(wire.take())] == ["CANCEL"]
        assert wire.events() == [CallEnded(call, "replaced", 200)]

    def test_call_of_another_trunk_is_not_told_from_none(self) -> None:
        wire = Wire()
        call, tag = wire.answer()
        other = type(wire.flow)("udp", wire.flow.local, ("203.0.113.5", 5060))
        wire.agent._parties.trunk_for = lambda flow: "other" if flow == other else "carrier"
        replaces = f"call-1;to-tag={tag};from-tag=theirs"
        new = request("INVITE", branch="n", Call_ID="call-2", body=OFFER, Replaces=replaces)
        assert statuses(wire.send(new, other)) == [481]
        assert wire.events() == [TakeoverRefused(call, "203.0.113.5")]
        strange = request("INVITE", branch="m", Call_ID="call-3", body=OFFER, Replaces=replaces.replace("theirs", "x"))
        assert statuses(wire.send(strange, other)) == [481]
        assert wire.events() == []
