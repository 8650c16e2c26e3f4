"""Digits by INFO, both ways."""

import pytest

from signaling.sip.events import CallEnded, DigitPressed, IncomingCall
from signaling.sip.messages.message import Request, Response
from tests.signaling.sip.network import Network
from tests.signaling.sip.wire import Wire, reply, request
from vault.pii import Pii


def statuses(wire: Wire, *messages: Request) -> list[int]:
    return [answer.status for message in messages for answer in wire.send(message) if isinstance(answer, Response)]


def test_a_digit_is_told_and_confirmed() -> None:
    wire = Wire()
    call, tag = wire.answer()
    body = "Signal=4\r\nDuration=180\r\n"
    info = request("INFO", 2, tag=tag, branch="i", body=body, Content_Type="application/dtmf-relay")
    assert statuses(wire, info, info) == [200, 200]
    assert wire.events() == [DigitPressed(call, Pii("4"), 180)]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [("application/dtmf", "x", 400), ("text/plain", "5", 415), ("application/dtmf", None, 200)],
)
def test_an_info_without_a_digit_changes_nothing(kind: str, body: str | None, status: int) -> None:
    wire = Wire()
    _, tag = wire.answer()
    assert statuses(wire, request("INFO", 2, tag=tag, branch="i", body=body, Content_Type=kind)) == [status]
    assert wire.events() == []


def test_an_info_outside_a_call_is_481() -> None:
    wire = Wire()
    assert statuses(wire, request("INFO", body="5", Content_Type="application/dtmf")) == [481]


def test_a_digit_of_ours_is_sent_and_a_refusal_of_it_ends_nothing() -> None:
    wire = Wire()
    call, _ = wire.answer()
    wire.agent.press(call, "#", 120, wire.now)
    (info,) = wire.take()
    assert isinstance(info, Request)
    assert (info.method, info.headers.get("Content-Type")) == ("INFO", "application/dtmf-relay")
    assert info.body == b"Signal=#\r\nDuration=120\r\n"
    wire.send(reply(info, 415))
    assert wire.events() == []
    wire.agent.press(call, "1", 120, wire.now)
    (unanswered,) = wire.take()
    wire.wait(40)
    assert isinstance(unanswered, Request)
    assert not [event for event in wire.events() if isinstance(event, CallEnded)]


def test_two_agents_understand_each_other() -> None:
    network = Network()
    ours, theirs = network.add("ours", 5060, "carrier"), network.add("theirs", 5070, "carrier")
    call = ours.call(theirs)
    network.run(1)
    (ringing,) = theirs.events
    assert isinstance(ringing, IncomingCall)
    theirs.agent.answer(ringing.call, "v=0", network.now)
    network.run(1)
    ours.agent.press(call, "7", 90, network.now)
    network.run(1)
    (digit,) = theirs.of(DigitPressed)
    assert isinstance(digit, DigitPressed)
    assert (digit.digit, digit.duration_ms) == (Pii("7"), 90)
