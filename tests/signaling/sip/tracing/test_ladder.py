"""Ladders as a person reads them."""

from signaling.sip.tracing.ladder import Ladder
from signaling.sip.tracing.redaction import ShownMessage


def message(at: float, sent: bool, start: str, peer: str = "192.0.2.9:5070") -> ShownMessage:
    return ShownMessage(at, sent, "udp", peer, start, "1 INVITE", (("Max-Forwards", "70"),))


def test_a_call() -> None:
    ladder = Ladder()
    lines = [
        *ladder.add(message(100.0, False, "INVITE sip:•••@pbx.test")),
        *ladder.add(message(100.0125, True, "100 Trying")),
        *ladder.add(message(101.5, True, "INVITE sip:•••@phone.test", "192.0.2.10:5060")),
    ]
    assert lines == [
        "peer 1: udp 192.0.2.9:5070",
        "     0.000  peer 1 -- INVITE sip:•••@pbx.test ------------------------> us",
        "     0.013  peer 1 <-- 100 Trying (1 INVITE) -------------------------- us",
        "peer 2: udp 192.0.2.10:5060",
        "     1.500  peer 2 <-- INVITE sip:•••@phone.test ---------------------- us",
    ]


def test_headers_are_shown_when_they_are_asked_for() -> None:
    assert list(Ladder(headers=True).add(message(1.0, True, "BYE")))[-1] == "                Max-Forwards: 70"
