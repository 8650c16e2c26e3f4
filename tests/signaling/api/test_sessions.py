from signaling.api.sessions import IDLE, PER_USER, Sessions
from signaling.center.resources import User
from signaling.center.security import Principal
from tests.signaling.store.samples import ACME

ADA = User("user-1", "ada", "Ada", ())
PRINCIPAL = Principal(ACME, "user-1", frozenset())


def test_only_the_browser_knows_the_cookie() -> None:
    sessions = Sessions()
    token = sessions.open(ADA, PRINCIPAL, 0.0)
    assert len(token.reveal()) >= 43 and sessions.open(ADA, PRINCIPAL, 0.0) != token
    assert token.reveal() not in repr(vars(sessions))
    assert sessions.find(token.reveal(), 0.0) is not None
    assert sessions.find(token.reveal() + "A", 0.0) is None
    assert sessions.find("\ud800", 0.0) is None


def test_each_request_keeps_a_session_alive() -> None:
    sessions = Sessions()
    token = sessions.open(ADA, PRINCIPAL, 0.0).reveal()
    for round in range(1, 4):
        assert sessions.find(token, round * IDLE) is not None
    assert sessions.find(token, 4 * IDLE + 1) is None


def test_a_user_has_no_more_sessions_than_browsers() -> None:
    sessions = Sessions()
    tokens = [sessions.open(ADA, PRINCIPAL, float(now)).reveal() for now in range(PER_USER + 1)]
    assert [sessions.find(token, 20.0) is not None for token in tokens] == [False] + [True] * PER_USER
    sessions.close(tokens[-1])
    sessions.close("unknown")
    assert sessions.find(tokens[-1], 20.0) is None
