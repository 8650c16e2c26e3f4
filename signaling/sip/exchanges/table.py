"""The four transactions of RFC 3261 §17 as corrected by RFC 6026, as data: {(state, input): (next state, moves)}.

A Timer among the inputs has fired; a Timer among the moves is started. Entering a state stops every timer for which it
has no row. What has no row is ignored: a message that is not awaited, or a late timer.
"""

from enum import Enum

Row = tuple["State", tuple["Move", ...]]
Table = dict[tuple["State", "Input"], Row]


class State(Enum):
    NEW = "new"
    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


class Timer(Enum):
    """RFC 3261 table 4; L and M are RFC 6026's."""

    A = "A"
    B = "B"
    D = "D"
    E = "E"
    F = "F"
    G = "G"
    H = "H"
    I = "I"  # noqa: E741  # the RFC's name
    J = "J"
    K = "K"
    L = "L"
    M = "M"


class Event(Enum):
    """A message that came, or one that the user of the transaction wants sent."""

    START = "start"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    REQUEST = "request"
    ACK = "ACK"
    BROKEN = "transport error"
    ABANDON = "abandon"


class Action(Enum):
    SEND = "send"
    """The request of a client, the latest response of a server."""
    ACK = "ack"
    """ACK to a final response other than 2xx (§17.1.1.3)."""
    PASS = "pass"
    """Tell the user of the transaction."""
    TIMEOUT = "timeout"
    """Tell him that nobody answered."""
    BREAK = "break"
    """Tell him that the transport failed."""


Input = Event | Timer
Move = Action | Timer

_S, _E, _A, _T = State, Event, Action, Timer

INVITE_CLIENT: Table = {
    (_S.NEW, _E.START): (_S.CALLING, (_A.SEND, _T.A, _T.B)),
    (_S.CALLING, _T.A): (_S.CALLING, (_A.SEND, _T.A)),
    (_S.CALLING, _T.B): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.CALLING, _E.BROKEN): (_S.TERMINATED, (_A.BREAK,)),
    (_S.CALLING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.PASS,)),
    (_S.CALLING, _E.SUCCESS): (_S.ACCEPTED, (_A.PASS, _T.M)),
    (_S.CALLING, _E.FAILURE): (_S.COMPLETED, (_A.ACK, _A.PASS, _T.D)),
    (_S.PROCEEDING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.PASS,)),
    (_S.PROCEEDING, _E.SUCCESS): (_S.ACCEPTED, (_A.PASS, _T.M)),
    (_S.PROCEEDING, _E.FAILURE): (_S.COMPLETED, (_A.ACK, _A.PASS, _T.D)),
    (_S.PROCEEDING, _E.BROKEN): (_S.TERMINATED, (_A.BREAK,)),
    (_S.PROCEEDING, _E.ABANDON): (_S.TERMINATED, ()),
    (_S.COMPLETED, _E.FAILURE): (_S.COMPLETED, (_A.ACK,)),
    (_S.COMPLETED, _E.BROKEN): (_S.TERMINATED, ()),
    (_S.COMPLETED, _T.D): (_S.TERMINATED, ()),
    (_S.ACCEPTED, _E.SUCCESS): (_S.ACCEPTED, (_A.PASS,)),
    (_S.ACCEPTED, _T.M): (_S.TERMINATED, ()),
}
"""Figure 5 of RFC 6026. A connection lost while PROCEEDING ends it too: over a stream no answer can come any more.
ABANDON is §9.1's last resort: 64*T1 after a CANCEL that nothing came of."""

CLIENT: Table = {
    (_S.NEW, _E.START): (_S.TRYING, (_A.SEND, _T.E, _T.F)),
    (_S.TRYING, _T.E): (_S.TRYING, (_A.SEND, _T.E)),
    (_S.TRYING, _T.F): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.TRYING, _E.BROKEN): (_S.TERMINATED, (_A.BREAK,)),
    (_S.TRYING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.PASS, _T.E)),
    (_S.TRYING, _E.SUCCESS): (_S.COMPLETED, (_A.PASS, _T.K)),
    (_S.TRYING, _E.FAILURE): (_S.COMPLETED, (_A.PASS, _T.K)),
    (_S.PROCEEDING, _T.E): (_S.PROCEEDING, (_A.SEND, _T.E)),
    (_S.PROCEEDING, _T.F): (_S.TERMINATED, (_A.TIMEOUT,)),
    (_S.PROCEEDING, _E.BROKEN): (_S.TERMINATED, (_A.BREAK,)),
    (_S.PROCEEDING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.PASS,)),
    (_S.PROCEEDING, _E.SUCCESS): (_S.COMPLETED, (_A.PASS, _T.K)),
    (_S.PROCEEDING, _E.FAILURE): (_S.COMPLETED, (_A.PASS, _T.K)),
    (_S.COMPLETED, _T.K): (_S.TERMINATED, ()),
}
"""Figure 6 of RFC 3261."""

INVITE_SERVER: Table = {
    (_S.NEW, _E.START): (_S.PROCEEDING, ()),
    (_S.PROCEEDING, _E.REQUEST): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _E.SUCCESS): (_S.ACCEPTED, (_A.SEND, _T.L)),
    (_S.PROCEEDING, _E.FAILURE): (_S.COMPLETED, (_A.SEND, _T.G, _T.H)),
    (_S.PROCEEDING, _E.BROKEN): (_S.TERMINATED, ()),
    (_S.COMPLETED, _E.REQUEST): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _E.ACK): (_S.CONFIRMED, (_T.I,)),
    (_S.COMPLETED, _T.G): (_S.COMPLETED, (_A.SEND, _T.G)),
    (_S.COMPLETED, _T.H): (_S.TERMINATED, ()),
    (_S.CONFIRMED, _T.I): (_S.TERMINATED, ()),
    (_S.ACCEPTED, _E.ACK): (_S.ACCEPTED, (_A.PASS,)),
    (_S.ACCEPTED, _E.SUCCESS): (_S.ACCEPTED, (_A.SEND,)),
    (_S.ACCEPTED, _T.L): (_S.TERMINATED, ()),
}
"""Figure 7 of RFC 6026. H needs no report: an INVITE that we refused is over for us, acknowledged or not."""

SERVER: Table = {
    (_S.NEW, _E.START): (_S.TRYING, (_T.J,)),
    (_S.TRYING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
    (_S.TRYING, _E.SUCCESS): (_S.COMPLETED, (_A.SEND, _T.J)),
    (_S.TRYING, _E.FAILURE): (_S.COMPLETED, (_A.SEND, _T.J)),
    (_S.TRYING, _T.J): (_S.TERMINATED, ()),
    (_S.PROCEEDING, _E.REQUEST): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _E.PROVISIONAL): (_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _E.SUCCESS): (_S.COMPLETED, (_A.SEND, _T.J)),
    (_S.PROCEEDING, _E.FAILURE): (_S.COMPLETED, (_A.SEND, _T.J)),
    (_S.PROCEEDING, _T.J): (_S.TERMINATED, ()),
    (_S.COMPLETED, _E.REQUEST): (_S.COMPLETED, (_A.SEND,)),
    (_S.COMPLETED, _T.J): (_S.TERMINATED, ()),
}
"""Figure 8 of RFC 3261. J runs from the start: after 64*T1 nobody waits for the answer any more (RFC 4320 §4.2)."""


def response_event(status: int) -> Event:
    if status < 200:
        return Event.PROVISIONAL
    return Event.SUCCESS if status < 300 else Event.FAILURE
