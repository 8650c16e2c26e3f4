"""Whatever comes, the agent has no fault, sends whole messages only, and in the end keeps nothing of it.

An input is a list of messages, cut at NUL NUL; `%TAG%` in one stands for the tag that the agent gave to its last
answer and `%RSEQ%` for its last RSeq, so that requests within a call are reached. Every call and offer is answered,
every call hung up at the end."""

import itertools

from signaling.sip.agent import UserAgent
from signaling.sip.config import SipConfig
from signaling.sip.events import CallOffer, IncomingCall, TransferAsked
from signaling.sip.flow import Flow
from signaling.sip.messages.message import Message, parse_message
from tests.fuzz.fuzz_sip_message import SEEDS as MESSAGES

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5060))
CUT = b"\x00\x00"
TAG, RSEQ = b"%TAG%", b"%RSEQ%"


def _request(method: str, number: int, branch: str, tag: str = "%TAG%", *more: str) -> bytes:
    lines = [
        f"{method} sip:4930@192.0.2.1 SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{branch}",
        "From: <sip:a@b>;tag=x",
        f"To: <sip:c@d>{';tag=' + tag if tag else ''}",
        "Call-ID: i",
        f"CSeq: {number} {method}",
        "Contact: <sip:a@192.0.2.9>",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


_INVITE = _request("INVITE", 1, "a", "")
_ACK = _request("ACK", 1, "b")
_INFO = _request("INFO", 2, "c")[:-2] + b"Content-Type: application/dtmf\r\nContent-Length: 1\r\n\r\n5"

SEEDS: list[bytes] = [
    *MESSAGES,
    CUT.join([_INVITE, _ACK, _request("INVITE", 2, "c") + b"v=0", _request("ACK", 2, "d"), _request("BYE", 3, "e")]),
    CUT.join([_INVITE, _request("CANCEL", 1, "a", ""), _request("ACK", 1, "a")]),
    CUT.join([_INVITE, _ACK, _request("UPDATE", 2, "c") + b"v=0", _request("OPTIONS", 3, "d")]),
    CUT.join([_INVITE, _ACK, _INFO, _request("BYE", 3, "e")]),
    CUT.join(
        [
            _request("INVITE", 1, "a", "", "Supported: 100rel, timer", "Session-Expires: 90;refresher=uas"),
            _request("PRACK", 2, "p", "%TAG%", "RAck: %RSEQ% 1 INVITE"),
            _ACK,
            _request("UPDATE", 4, "u", "%TAG%", "Session-Expires: 100", "Min-SE: 95", "Supported: timer"),
        ]
    ),
    CUT.join(
        [
            _INVITE,
            _ACK,
            _request("REFER", 2, "r", "%TAG%", "Refer-To: <sip:x@y?Replaces=i%3Bto-tag%3Dz%3Bfrom-tag%3Dx>"),
            _request("NOTIFY", 3, "n", "%TAG%", "Event: refer;id=1", "Subscription-State: terminated")
            + b"SIP/2.0 200 OK",
            _request("INFO", 4, "i", "%TAG%", "Content-Type: application/dtmf-relay") + b"Signal=5\r\nDuration=9",
            _request("INVITE", 1, "z", "", "Replaces: i;to-tag=%TAG%;from-tag=x").replace(b"Call-ID: i", b"Call-ID: j"),
        ]
    ),
]


def one_input(data: bytes) -> None:
    for trunk in ("carrier", None):
        _run(data, trunk)


def _run(data: bytes, trunk: str | None) -> None:
    ids = itertools.count()
    agent = UserAgent(SipConfig(new_id=lambda: f"id{next(ids)}"), lambda flow: trunk)
    now, tag, rseq, calls = 100.0, b"", b"", set[str]()
    for message in data.split(CUT)[:20]:
        agent.receive(message.replace(TAG, tag).replace(RSEQ, rseq), FLOW, now)
        calls |= _react(agent, now)
        sent = _collect(agent)
        tag = next((found for answer in sent if (found := _field(answer, "To").partition(b"tag=")[2])), tag)
        rseq = next((found for answer in sent if (found := _field(answer, "RSeq"))), rseq)
        now += 0.1
    for call in list(calls):
        agent.hang_up(call, now)
    while (at := agent.get_timer()) is not None:
        assert at < now + 300, "a timer that does not end"
        agent.handle_timer(at)
        _react(agent, at)
        _collect(agent)
    assert agent.counters.faults == 0
    assert (agent.calls, agent.transactions) == (0, 0)


def _react(agent: UserAgent, now: float) -> set[str]:
    """Answers every call and offer; the names of the calls."""
    calls = set()
    while (event := agent.next_event()) is not None:
        if isinstance(event, IncomingCall):
            calls.add(event.call)
            agent.progress(event.call, "v=0\r\n", now)
            agent.answer(event.call, "v=0\r\n", now)
            agent.offer(event.call, "v=0\r\ns=2\r\n", now)
        elif isinstance(event, CallOffer):
            agent.accept_offer(event.call, "v=0\r\n", now)
        elif isinstance(event, TransferAsked):
            agent.accept_transfer(event.call, now)
            agent.refer(event.call, event.target.reveal(), now)
    return calls


def _collect(agent: UserAgent) -> list[Message]:
    """What it sends, the last first."""
    return [parse_message(outgoing.data) for outgoing in reversed(agent.take())]


def _field(message: Message, name: str) -> bytes:
    return (message.headers.get(name) or "").encode("utf-8", "surrogateescape")


if __name__ == "__main__":
    from tests.fuzz.atheris_main import main

    main(one_input, SEEDS)
