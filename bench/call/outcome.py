"""From what happened in a call to its report."""

from dataclasses import dataclass
from typing import Any

from bench.call.errors import BadArgument, CallError, MediaError, NoAnswer, Rejected, Unreachable
from bench.call.media import Media
from bench.call.report import Outcome, Report
from bench.call.wire import Target


@dataclass
class Course:
    """The milestones of one call, in seconds of one clock."""

    invited: float = 0.0
    ringing: float | None = None
    answered: float | None = None
    ended: float | None = None
    hung_up: bool = False
    """We have hung up, or given up."""
    failure: CallError | None = None
    final: tuple[int, str] | None = None
    digits: str = ""


_OUTCOMES: tuple[tuple[type[CallError], Outcome], ...] = (
    (Rejected, "rejected"),
    (NoAnswer, "no answer"),
    (Unreachable, "unreachable"),
    (MediaError, "media failed"),
    (BadArgument, "failed"),
)


def make_report(number: str, target: Target, course: Course, media: Media | None, now: float) -> Report:
    status, reason = course.final or (None, "")
    return Report(
        number=number,
        server=str(target),
        outcome=_outcome(course),
        status=status,
        reason=reason,
        ringing_ms=_since(course.invited, course.ringing),
        answered_ms=_since(course.invited, course.answered),
        seconds=(now if course.ended is None else course.ended) - course.answered if course.answered else 0.0,
        ended_by=_ended_by(course),
        digits_sent=course.digits,
        **_figures(media),
    )


def _outcome(course: Course) -> Outcome:
    for kind, outcome in _OUTCOMES:
        if isinstance(course.failure, kind):
            return outcome
    if course.answered is not None:
        return "answered"
    return "cancelled" if course.hung_up else "calling"


def _ended_by(course: Course) -> Any:
    if course.ended is None or course.answered is None or isinstance(course.failure, Unreachable):
        return None
    return "us" if course.hung_up else "peer"


def _since(begin: float, end: float | None) -> float | None:
    return None if end is None else 1000 * (end - begin)


def _figures(media: Media | None) -> dict[str, Any]:
    if media is None or media.sender is None or media.receiver is None:
        return {}
    reception, remote = media.receiver.reception, media.receiver.remote_report
    rate = media.sender.codec.clock_rate
    return {
        "codec": media.sender.codec.name,
        "encrypted": media.is_encrypted,
        "packets_sent": media.sender.packets,
        "packets_received": reception.received,
        "packets_lost": reception.lost,
        "packets_duplicated": reception.duplicates,
        "packets_reordered": reception.reordered,
        "packets_discarded": media.receiver.discarded,
        "jitter_ms": 1000 * reception.jitter,
        "max_jitter_ms": 1000 * reception.max_jitter,
        "largest_gap_ms": 1000 * reception.largest_gap,
        "late_frames": media.late_frames,
        "peer_lost": None if remote is None else remote.lost,
        "peer_jitter_ms": None if remote is None else 1000 * remote.jitter / rate,
        "digits_received": media.receiver.digits.digits,
    }
