import pytest

from signaling.sip.config import Timers
from signaling.sip.exchanges.table import State, Timer
from signaling.sip.exchanges.transactions import interval, make_ack, make_cancel
from signaling.sip.messages.message import Headers, Request, Response

TIMERS = Timers(t1=0.5, t2=4.0, t4=5.0, d=32.0)
INVITE = Request(
    "INVITE",
    "sip:a@b",
    Headers(
        [
            ("Via", "SIP/2.0/UDP x;branch=z9hG4bK1"),
            ("Route", "<sip:p;lr>"),
            ("Max-Forwards", "70"),
            ("From", "<sip:c@d>;tag=1"),
            ("To", "<sip:a@b>"),
            ("Call-ID", "i"),
            ("CSeq", "5 INVITE"),
            ("Contact", "<sip:c@x>"),
        ]
    ),
    b"v=0",
)


@pytest.mark.parametrize(
    ("timer", "state", "expected"),
    [
        (Timer.A, State.CALLING, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]),
        (Timer.B, State.CALLING, [32.0]),
        (Timer.D, State.COMPLETED, [32.0]),
        (Timer.E, State.TRYING, [0.5, 1.0, 2.0, 4.0, 4.0]),
        (Timer.E, State.PROCEEDING, [4.0, 4.0]),
        (Timer.F, State.TRYING, [32.0]),
        (Timer.G, State.COMPLETED, [0.5, 1.0, 2.0, 4.0, 4.0]),
        (Timer.H, State.COMPLETED, [32.0]),
        (Timer.I, State.CONFIRMED, [5.0]),
        (Timer.J, State.COMPLETED, [32.0]),
        (Timer.K, State.COMPLETED, [5.0]),
        (Timer.L, State.ACCEPTED, [32.0]),
        (Timer.M, State.ACCEPTED, [32.0]),
    ],
)
def test_intervals_are_those_of_table_4(timer: Timer, state: State, expected: list[float]) -> None:
    assert [interval(timer, TIMERS, count, state) for count in range(len(expected))] == expected


def test_ack_of_a_refusal_goes_the_way_of_the_invite() -> None:
    ack = make_ack(INVITE, Response(486, "x", Headers([("To", "<sip:a@b>;tag=2")])))
    assert (ack.method, ack.uri, ack.body) == ("ACK", "sip:a@b", b"")
    assert dict(ack.headers) == {
        "Via": "SIP/2.0/UDP x;branch=z9hG4bK1",
        "Route": "<sip:p;lr>",
        "Max-Forwards": "70",
        "From": "<sip:c@d>;tag=1",
        "Call-ID": "i",
        "To": "<sip:a@b>;tag=2",
        "CSeq": "5 ACK",
    }


def test_cancel_is_the_invite_in_all_that_matches() -> None:
    cancel = make_cancel(INVITE)
    assert (cancel.method, cancel.headers.get("To"), cancel.headers.get("CSeq")) == ("CANCEL", "<sip:a@b>", "5 CANCEL")
