"""Calls that come to nothing leave nothing: no session, dialog, transaction, timer or key of any."""

from signaling.sip.agent import UserAgent
from signaling.sip.config import SipConfig
from signaling.sip.events import CallEnded, IncomingCall
from signaling.sip.flow import Flow
from tests.signaling.sip.network import ANSWER, OFFER
from tests.signaling.sip.wire import LOCAL, PEER, request

HALF_OPEN, FAILED = 300, 700
FLOW = Flow("udp", LOCAL, PEER)


def invite(number: int) -> bytes:
    via = f"SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK{number};rport"
    return bytes(request("INVITE", body=OFFER, Via=via, Call_ID=f"call-{number}"))


def held(agent: UserAgent) -> dict[str, int]:
    core = agent._core
    return {
        "sessions": len(core.sessions),
        "dialogs": len(core.dialogs),
        "clients": len(core.transactions._clients),
        "servers": len(core.transactions._servers),
        "merged": len(core.transactions._merged),
        "timers": len(core.deadlines),
        "heap": len(core.deadlines._heap),
        "outbox": len(core.outbox),
        "events": len(core.events),
    }


def place(agent: UserAgent, number: int, status: int) -> None:
    """One call that is answered, and never acknowledged, or refused likewise."""
    agent.receive(invite(number), FLOW, 0.0)
    call = agent.next_event()
    assert isinstance(call, IncomingCall)
    if status == 200:
        agent.answer(call.call, ANSWER, 0.0)
    else:
        agent.reject(call.call, status, "", 0.0)
        assert isinstance(agent.next_event(), CallEnded)


def test_half_open_and_failed_calls_leave_nothing() -> None:
    agent = UserAgent(SipConfig(), lambda flow: "carrier")
    for number in range(HALF_OPEN):
        place(agent, number, 200)
    for number in range(HALF_OPEN, HALF_OPEN + FAILED):
        place(agent, number, 404)
    assert (agent.calls, held(agent)["servers"]) == (HALF_OPEN, HALF_OPEN + FAILED)
    ended = 0
    while (due := agent.get_timer()) is not None:
        agent.handle_timer(due)
        agent.take()
        while (event := agent.next_event()) is not None:
            ended += isinstance(event, CallEnded)
    assert ended == HALF_OPEN
    assert held(agent) == dict.fromkeys(held(agent), 0)
