import pytest

from signaling.sip.calls.outcome import may_try_elsewhere, outcome_of
from signaling.sip.events import CallEnded, Cause
from signaling.sip.headers.reason import Reason


@pytest.mark.parametrize(
    ("cause", "status", "reason", "outcome", "elsewhere"),
    [
        ("rejected", 486, None, "busy", False),
        ("rejected", 600, None, "busy", False),
        ("rejected", 480, None, "no_answer", False),
        ("rejected", 408, None, "no_answer", False),
        ("timeout", 487, None, "no_answer", False),
        ("timeout", 200, None, "no_answer", False),
        ("rejected", 403, None, "rejected", False),
        ("rejected", 603, None, "rejected", False),
        ("rejected", 404, None, "failed", False),
        ("rejected", 488, None, "failed", False),
        ("rejected", 500, None, "failed", False),
        ("rejected", 503, None, "failed", True),
        ("timeout", 408, None, "failed", True),
        ("lost", 503, None, "failed", True),
        ("error", 500, None, "failed", False),
        ("bye", 200, None, "failed", False),
        ("cancel", 487, None, "cancelled", False),
        ("rejected", 503, Reason("Q.850", 17), "busy", False),
        ("rejected", 480, Reason("q.850", 21), "rejected", False),
        ("rejected", 486, Reason("Q.850", 127), "busy", False),
        ("rejected", 486, Reason("SIP", 21), "busy", False),
    ],
)
def test_what_became_of_a_call(cause: Cause, status: int, reason: Reason | None, outcome: str, elsewhere: bool) -> None:
    ended = CallEnded("call", cause, status, reason)
    assert (outcome_of(ended), may_try_elsewhere(ended)) == (outcome, elsewhere)
