"""Tokens: one user, one use, one minute, and a table that does not grow."""

from signaling.softphone.tokens import PER_USER, Tokens


def test_a_token_is_good_once() -> None:
    tokens = Tokens()
    token = tokens.issue("u", now=0).reveal()
    assert tokens.redeem(token, now=1) == "u"
    assert tokens.redeem(token, now=1) is None


def test_a_token_lives_60_seconds() -> None:
    tokens = Tokens()
    first, second = tokens.issue("u", now=0).reveal(), tokens.issue("u", now=0).reveal()
    assert tokens.redeem(first, now=59.9) == "u"
    assert tokens.redeem(second, now=60) is None


def test_a_guess_is_nobody() -> None:
    tokens = Tokens()
    tokens.issue("u", now=0)
    assert tokens.redeem("", now=0) is None
    assert tokens.redeem("\udcff", now=0) is None


def test_a_token_is_long_and_does_not_print() -> None:
    token = Tokens().issue("u", now=0)
    assert len(token.reveal()) >= 43
    assert str(token) == "•••"


def test_old_tokens_leave_the_table() -> None:
    tokens = Tokens()
    for second in range(1000):
        tokens.issue(f"u{second}", now=second)
    assert len(tokens) == 60


def test_one_user_cannot_push_out_the_others() -> None:
    tokens = Tokens(capacity=20)
    other = tokens.issue("other", now=0).reveal()
    issued = [tokens.issue("u", now=0).reveal() for _ in range(100)]
    assert len(tokens) == 1 + PER_USER
    assert tokens.redeem(other, now=1) == "other"
    assert [tokens.redeem(token, now=1) for token in issued[-PER_USER:]] == ["u"] * PER_USER


def test_a_full_table_forgets_the_oldest() -> None:
    tokens = Tokens(capacity=3)
    issued = [tokens.issue(f"u{number}", now=0).reveal() for number in range(4)]
    assert [tokens.redeem(token, now=1) for token in issued] == [None, "u1", "u2", "u3"]
