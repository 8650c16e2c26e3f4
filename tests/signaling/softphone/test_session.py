"""Numbers, the bounded log, and who may resume what until when."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.softphone.protocol import ContactRemoved
from signaling.softphone.session import Limits, Log, Sessions
from vault.pii import Pii


def numbers(messages: list[bytes] | None) -> list[int] | None:
    return None if messages is None else [json.loads(message)["params"]["seq"] for message in messages]


@given(st.integers(0, 30), st.integers(1, 10), st.integers(-2, 35))
def test_the_log_replays_everything_or_nothing(sent: int, kept: int, seq: int) -> None:
    log = Log(Limits(log_length=kept))
    for _ in range(sent):
        log.append(ContactRemoved("c"))
    missing = list(range(seq + 1, sent + 1))
    possible = 0 <= sent - seq <= min(sent, kept)
    assert numbers(log.after(seq)) == (missing if possible else None)


def test_the_log_is_bounded_in_bytes() -> None:
    log = Log(Limits(log_bytes=1000))
    for _ in range(50):
        log.append(ContactRemoved("c" * 128))
    assert log.after(40) is None
    assert numbers(log.after(49)) == [50]


def test_one_notification_larger_than_the_log_is_not_kept() -> None:
    log = Log(Limits(log_bytes=10))
    log.append(ContactRemoved("c"))
    assert log.after(0) is None
    assert log.after(1) == []


def make_sessions() -> Sessions:
    counter = itertools.count()
    return Sessions(draw=lambda: f"draw-{next(counter)}")


def test_a_session_is_resumed_by_its_secret() -> None:
    sessions = make_sessions()
    opened = sessions.open("u")
    sessions.cut(opened.session, now=10)
    assert sessions.resume(opened.session.id, opened.secret, now=129.9) is opened.session
    assert opened.session.expires is None


@pytest.mark.parametrize(("id", "secret"), [("draw-1", "wrong"), ("unknown", "draw-0"), ("draw-0", "draw-1")])
def test_nothing_else_resumes_it(id: str, secret: str) -> None:
    sessions = make_sessions()
    sessions.open("u")
    assert sessions.resume(id, Pii(secret), now=0) is None


def test_it_lives_120_seconds_after_the_cut() -> None:
    sessions = make_sessions()
    opened = sessions.open("u")
    sessions.cut(opened.session, now=10)
    assert sessions.next_expiry() == 130
    assert sessions.resume(opened.session.id, opened.secret, now=130) is None
    assert sessions.expire(now=129) == []
    assert sessions.expire(now=130) == [opened.session]
    assert sessions.of("u") is None
    assert sessions.next_expiry() is None


def test_a_connected_session_never_expires() -> None:
    sessions = make_sessions()
    sessions.open("u")
    assert sessions.expire(now=1e9) == []


def test_the_newer_session_replaces_the_older() -> None:
    sessions = make_sessions()
    older, newer = sessions.open("u"), sessions.open("u")
    assert newer.replaced is older.session
    assert sessions.resume(older.session.id, older.secret, now=0) is None
    assert sessions.of("u") is newer.session
    assert len(sessions) == 1


def test_the_cut_of_a_session_that_is_over_changes_nothing() -> None:
    sessions = make_sessions()
    older = sessions.open("u")
    sessions.open("u")
    sessions.cut(older.session, now=0)
    assert sessions.expire(now=1000) == []


def test_secrets_are_drawn_anew() -> None:
    sessions = Sessions()
    first, second = sessions.open("a"), sessions.open("b")
    assert len({first.session.id, second.session.id, first.secret.reveal(), second.secret.reveal()}) == 4
    assert len(first.secret.reveal()) >= 32


def test_another_process_lets_the_session_be_resumed_with_the_same_secret_and_the_whole_state() -> None:
    sessions, other = Sessions(), Sessions()
    opened = sessions.open("u-1")
    for _ in range(3):
        opened.session.log.append(ContactRemoved("c"))
    saved = opened.session.save()
    opened.session.log.append(ContactRemoved("sent after it was saved"))
    assert opened.secret.reveal() not in repr(saved)
    other.restore(saved, 1000.0)
    assert other.resume(saved.id, Pii("another"), 1001.0) is None
    session = other.resume(saved.id, opened.secret, 1001.0)
    assert session is not None and session.user == "u-1" and other.of("u-1") is session
    assert [session.log.after(seq) for seq in range(6)] == [None] * 6
    assert session.log.seq > 4


def test_a_restored_session_that_nobody_resumes_is_over_in_its_time() -> None:
    sessions, other = Sessions(), Sessions(Limits(lifetime=120))
    saved = sessions.open("u-1").session.save()
    other.restore(saved, 1000.0)
    assert other.next_expiry() == 1120.0
    assert [session.user for session in other.expire(1120.0)] == ["u-1"]
