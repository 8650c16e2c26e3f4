"""What is not a call that we serve: answered with the standard's error, or only counted; no state is left."""

import pytest

from signaling.sip.messages.message import Request, Response
from tests.signaling.sip.network import OFFER
from tests.signaling.sip.wire import Wire, reply, request


def answer_to(wire: Wire, message: Request) -> Response:
    (answer,) = wire.send(message)
    assert isinstance(answer, Response)
    assert (wire.agent.calls, wire.agent.transactions, wire.agent.get_timer()) == (0, 0, None)
    return answer


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (request("SUBSCRIBE"), 405),
        (request("X-UNKNOWN"), 501),
        (request("X-UNKNOWN", CSeq="1 INVITE"), 501),
        (request("INVITE", body="x", Content_Type="multipart/mixed;boundary=y"), 400),
        (request("INVITE", body=OFFER, Content_Type="not a type"), 400),
        (request("INVITE", body=OFFER, Accept="not a type"), 400),
        (request("MESSAGE", body="x", Content_Type="text/plain"), 405),
        (request("REFER", Refer_To="<sip:x@y>"), 403),
        (request("NOTIFY", Event="refer"), 481),
        (request("INFO"), 481),
        (request("PRACK", RAck="1 1 INVITE"), 481),
        (request("INVITE", body=OFFER, Replaces="x"), 400),
        (request("INVITE", body=OFFER, Replaces="x;to-tag=1;from-tag=2"), 481),
        (request("INVITE", body=OFFER, Session_Expires="x"), 400),
        (request("INVITE", body=OFFER, Min_SE="x"), 400),
        (request("BYE", 2, tag="unknown"), 481),
        (request("BYE", 2), 481),
        (request("UPDATE", 2, tag="unknown", body=OFFER), 481),
        (request("INVITE", 2, tag="unknown", body=OFFER), 481),
        (request("CANCEL"), 481),
        (request("INVITE", body=OFFER, Require="100rel, x-none"), 420),
        (request("INVITE", body="<x/>", Content_Type="application/xml"), 415),
        (request("INVITE", body=OFFER, Content_Encoding="gzip"), 415),
        (request("INVITE", body=OFFER, Accept="text/plain"), 406),
        (request("INVITE", body=OFFER, Max_Forwards="0"), 483),
        (request("INVITE", body=OFFER, Contact=""), 400),
        (request("INVITE", body=OFFER, Contact="<tel:+49>"), 400),
        (request("INVITE", body=OFFER, Record_Route="<tel:+49>"), 400),
        (request("INVITE", body=OFFER, Max_Forwards="256"), 400),
        (request("INVITE", body=OFFER, CSeq="1 BYE"), 400),
        (request("INVITE", body=OFFER, To=""), 400),
        (request("INVITE", body=OFFER, From='"x <sip:a>'), 400),
        (request("OPTIONS"), 200),
        (request("OPTIONS", Max_Forwards="0"), 200),
    ],
)
def test_answer(message: Request, status: int) -> None:
    answer = answer_to(Wire(), message)
    assert answer.status == status
    assert answer.headers.get("Call-ID") == "call-1"


def test_405_and_options_say_what_we_can() -> None:
    for method in ("SUBSCRIBE", "OPTIONS"):
        allow = answer_to(Wire(), request(method)).headers.get("Allow")
        assert allow == "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, REFER, NOTIFY"


def test_420_names_what_is_not_supported() -> None:
    answer = answer_to(Wire(), request("INVITE", body=OFFER, Require="100rel, x-none, x-other"))
    assert answer.headers.get_all("Unsupported") == ["x-none", "x-other"]


def test_scheme_that_we_do_not_route_by_is_416() -> None:
    message = Request("INVITE", "urn:service:sos", request("INVITE").headers)
    assert answer_to(Wire(), message).status == 416


def test_repeated_request_gets_the_same_answer_without_state() -> None:
    wire = Wire()
    assert answer_to(wire, request("SUBSCRIBE")) == answer_to(wire, request("SUBSCRIBE"))


def test_too_many_calls_is_503() -> None:
    wire = Wire(max_calls=1)
    wire.ring_in()
    (refused,) = wire.send(request("INVITE", branch="x", Call_ID="call-2", body=OFFER))
    assert isinstance(refused, Response) and refused.status == 503
    assert refused.headers.get("Retry-After") == "10"


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_draining_is_503_and_calls_go_on(method: str) -> None:
    wire = Wire()
    _, tag = wire.answer()
    wire.agent.drain()
    (refused,) = wire.send(request(method, branch="x", Call_ID="call-2", body=OFFER))
    assert isinstance(refused, Response) and (refused.status, refused.headers.get("Retry-After")) == (503, "10")
    (answer,) = wire.send(request("OPTIONS", 2, tag=tag, branch="o"))
    assert isinstance(answer, Response) and answer.status == 200


def test_stranger_gets_one_403_a_second_and_no_state() -> None:
    wire = Wire(None)
    assert answer_to(wire, request("INVITE", body=OFFER)).status == 403
    for _ in range(20):
        assert wire.send(request("REGISTER")) == []
    wire.now += 1.0
    assert answer_to(wire, request("OPTIONS")).status == 403
    assert wire.events() == []
    assert wire.agent.counters.strangers == 22


def test_stranger_who_is_malformed_gets_nothing() -> None:
    wire = Wire(None)
    assert wire.send(request("INVITE", To="")) == []
    assert wire.agent.counters.malformed == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\x00" * 20,
        b"hello",
        b"INVITE sip:a SIP/2.0\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"\xff" * 70000,
    ],
)
def test_noise_is_dropped(data: bytes) -> None:
    wire = Wire()
    wire.agent.receive(data, wire.flow, wire.now)
    assert (wire.take(), wire.events(), wire.agent.counters.faults) == ([], [], 0)


def test_stray_responses_and_acks_are_counted() -> None:
    wire = Wire()
    assert wire.send(reply(request("INVITE"), 200)) == []
    assert wire.send(request("ACK", tag="unknown")) == []
    assert wire.agent.counters.unmatched == 2


def test_malformed_ack_is_never_answered() -> None:
    assert Wire().send(request("ACK", To="")) == []


def test_fault_of_our_own_costs_one_message_only() -> None:
    wire = Wire()

    def broken(*_: object) -> str | None:
        raise RuntimeError("a fault")

    working, wire.agent._parties.trunk_for = wire.agent._parties.trunk_for, broken
    assert wire.send(request("INVITE", body=OFFER)) == []
    wire.agent._parties.trunk_for = working
    assert wire.agent.counters.faults == 1
    wire.ring_in()


class Broken:
    def handle_timer(self, name: str, now: float) -> None:
        raise RuntimeError("a fault")


def test_fault_of_a_timer_costs_no_other_timer() -> None:
    wire = Wire()
    _, invite = wire.dial()
    wire.agent._core.deadlines.set(Broken(), "x", wire.now + 0.1)
    wire.now += 0.5
    wire.agent.handle_timer(wire.now)
    assert (wire.take(), wire.agent.counters.faults) == ([invite], 1)


def test_requests_in_a_call_are_checked_too() -> None:
    wire = Wire()
    _, tag = wire.answer()
    for method, more, status in [
        ("MESSAGE", {}, 405),
        ("UPDATE", {"Require": "x-none"}, 420),
        ("UPDATE", {"Content_Type": "text/plain"}, 415),
    ]:
        (answer,) = wire.send(request(method, 2, tag=tag, branch=method + str(status), body=OFFER, **more))
        assert isinstance(answer, Response) and answer.status == status
    assert wire.agent.calls == 1


def test_stranger_within_a_dialog_is_served() -> None:
    wire = Wire()
    _, tag = wire.answer()
    wire.agent._parties.trunk_for = lambda flow: None
    (answer,) = wire.send(request("BYE", 2, tag=tag, branch="bye"))
    assert isinstance(answer, Response) and answer.status == 200


def test_who_is_refused_for_want_of_room_is_told_when_to_try_again() -> None:
    for status, retry in ((503, "10"), (486, None)):
        wire = Wire()
        wire.agent.reject(wire.ring_in(), status, "", wire.now)
        (refused,) = wire.take()
        assert refused.headers.get("Retry-After") == retry


def test_a_call_of_ours_that_comes_back_is_a_loop() -> None:
    wire = Wire()
    _, invite = wire.dial()
    (ours,) = invite.headers.items("Via")
    theirs = "SIP/2.0/UDP proxy.test;branch=z9hG4bKproxy"
    back = request("INVITE", body=OFFER, Via=f"{theirs}, {ours}", Call_ID="any")
    (answer,) = wire.send(back)
    assert isinstance(answer, Response) and answer.status == 482
    other = f"{theirs}2, {ours.replace('z9hG4bK', 'z9hG4bKx')}"
    assert [
        a.status for a in wire.send(request("INVITE", body=OFFER, Via=other, Call_ID="b")) if isinstance(a, Response)
    ] == [100]
