"""What became of a call of ours that was not answered, in a caller's words rather than in numbers (RFC 3261 §21,
RFC 3398 §8, RFC 8197, RFC 8688, Q.850)."""

from typing import Literal

from signaling.sip.events import CallEnded

Outcome = Literal["answered", "busy", "no_answer", "rejected", "cancelled", "failed"]
"""busy: the called side talks to somebody else. no_answer: it rang, or would have, and nobody took it. rejected: the
called side, or the network for it, does not want the call. cancelled: we gave up before it was answered. failed: the
call did not get there, or there is no such number."""

BUSY = frozenset({486, 600})
NO_ANSWER = frozenset({408, 480, 487})
REJECTED = frozenset({401, 402, 403, 407, 433, 603, 607, 608})
_Q850: dict[int, Outcome] = {17: "busy", 18: "no_answer", 19: "no_answer", 21: "rejected"}


def outcome_of(ended: CallEnded) -> Outcome:
    """Of a call that ended before it was answered. A telephone network's own cause says it more exactly than the status
    that a gateway made of it."""
    if ended.cause == "cancel":
        return "cancelled"
    if ended.cause == "timeout":
        return "failed" if ended.status == 408 else "no_answer"
    if ended.cause != "rejected":
        return "failed"
    reason = ended.reason
    if reason is not None and reason.protocol.upper() == "Q.850" and reason.cause in _Q850:
        return _Q850[reason.cause]
    if ended.status in BUSY:
        return "busy"
    if ended.status in NO_ANSWER:
        return "no_answer"
    return "rejected" if ended.status in REJECTED else "failed"


def may_try_elsewhere(ended: CallEnded) -> bool:
    """Whether another target may do better: nothing answered, the connection failed, or it has no room for now
    (RFC 3263 §4.3). What the called side itself has said holds everywhere."""
    if outcome_of(ended) != "failed":
        return False
    return ended.cause in ("lost", "timeout") or ended.status == 503
