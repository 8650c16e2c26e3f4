"""Who is no trunk and speaks of a trunk's call: he is refused, and the call goes on."""

import gc

import pytest

from signaling.sip.agent import UserAgent
from signaling.sip.config import SipConfig
from signaling.sip.events import IncomingCall
from signaling.sip.flow import Flow
from signaling.sip.messages.message import Request, Response
from tests.signaling.sip.network import ANSWER, OFFER
from tests.signaling.sip.wire import LOCAL, Wire, reply, request


@pytest.mark.parametrize("number", [1, 99])
def test_a_stranger_who_guessed_the_branch_cancels_nothing(number: int) -> None:
    wire = Wire()
    wire.ring_in()
    (refusal,) = wire.send(request("CANCEL", number), wire.strange_flow)
    assert isinstance(refusal, Response) and refusal.status == 403
    assert (wire.agent.calls, wire.events()) == (1, [])


def test_the_trunk_itself_may_cancel_from_another_port() -> None:
    wire = Wire()
    wire.ring_in()
    other = type(wire.flow)("udp", wire.flow.local, (wire.flow.remote[0], 9999))
    wire.send(request("CANCEL"), other)
    assert wire.agent.calls == 0


def test_a_long_message_of_a_stranger_is_not_read() -> None:
    wire = Wire()
    long = request("INVITE", Via="a," * 4000, X_Padding="x" * 4000)
    wire.agent.receive(bytes(long), wire.strange_flow, wire.now)
    assert wire.take() == []
    assert (wire.agent.counters.strangers, wire.agent.counters.malformed) == (1, 0)
    wire.agent.receive(bytes(long), wire.flow, wire.now)
    assert wire.agent.counters.malformed > 0


def test_a_flood_of_a_stranger_is_not_read_and_others_are_served() -> None:
    wire = Wire()
    _, tag = wire.answer()
    answers = 0
    for number in range(5000):
        wire.now += 0.002
        invite = request("INVITE", branch=f"b{number}", Call_ID=f"c{number}", body=OFFER)
        answers += len(wire.send(invite, wire.strange_flow))
    assert answers == 10  # in 10 s
    assert wire.agent.counters.strangers == pytest.approx(300, abs=2)  # 100 and 20 a second
    assert wire.agent.counters.flooded == 5000 - wire.agent.counters.strangers
    (answer,) = wire.send(request("OPTIONS", 2, tag=tag, branch="o"))
    assert isinstance(answer, Response) and answer.status == 200
    assert wire.events() == []


def test_what_a_gateway_sends_within_calls_is_no_flood() -> None:
    wire = Wire()
    call, tag = wire.answer()
    for number in range(2, 302):
        update = request("OPTIONS", number, tag=tag, branch=f"u{number}")
        assert len(wire.send(update, wire.strange_flow)) == 1
    wire.agent.hang_up(call, wire.now)
    (bye,) = wire.take()
    wire.send(reply(bye, 200), wire.strange_flow)
    assert (wire.agent.calls, wire.agent.counters.flooded) == (0, 0)


def test_strangers_may_hear_nothing_at_all() -> None:
    agent = UserAgent(SipConfig(refuse_strangers=False), lambda flow: None)
    agent.receive(bytes(request("OPTIONS")), Flow("udp", LOCAL, ("198.51.100.66", 5070)), 1.0)
    assert (agent.take(), agent.counters.strangers) == ([], 1)
    agent.receive(b"\r\n\r\n", Flow("tcp", LOCAL, ("198.51.100.66", 5070), 1), 1.0)
    assert agent.take() == []


def test_extensions_that_exist_look_like_those_that_do_not() -> None:
    answers = set()
    for called in ("493012345", "100", "admin"):
        wire = Wire()
        plain = request("INVITE", body=OFFER)
        invite = Request("INVITE", f"sip:{called}@192.0.2.1", plain.headers, plain.body)
        (answer,) = wire.send(invite, wire.strange_flow)
        answers.add(bytes(answer))
    assert len(answers) == 1


def test_many_strangers_take_no_room() -> None:
    agent = UserAgent(SipConfig(max_strangers=100), lambda flow: None)
    message = bytes(request("INVITE", body=OFFER))
    for number in range(10_000):
        agent.receive(message, Flow("udp", LOCAL, (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5060)), 1.0)
    assert len(agent._stateless.turns) == 100
    assert len(agent.take()) == 101  # those who are remembered, and one for all others
    assert (agent.transactions, agent.calls, agent.get_timer()) == (0, 0, None)


def test_half_open_and_failed_calls_leave_nothing() -> None:
    wire = Wire(max_calls=2000)
    objects = []
    for series in range(4):
        for number in range(300):
            name = f"{series}-{number}"
            wire.send(request("INVITE", branch=name, Call_ID=name, body=OFFER, Supported="100rel, timer"))
            (event,) = wire.events()
            assert isinstance(event, IncomingCall)
            if number % 3 == 0:
                wire.agent.reject(event.call, 486, "", wire.now)
            elif number % 3 == 1:
                wire.agent.answer(event.call, ANSWER, wire.now)  # whose ACK never comes
            else:
                wire.agent.progress(event.call, ANSWER, wire.now)  # whose PRACK never comes
            wire.events()
        wire.wait(200)
        wire.events()
        assert (wire.agent.calls, wire.agent.transactions, len(wire.agent._core.dialogs)) == (0, 0, 0)
        gc.collect()
        objects.append(len(gc.get_objects()))
    assert objects[-1] - objects[1] < 300
