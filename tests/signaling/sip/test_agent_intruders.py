"""Who is no trunk and speaks of a trunk's call: he is refused, and the call goes on."""

import pytest

from signaling.sip.message import Response
from tests.signaling.sip.wire import Wire, request


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
