"""Early dialogs of a call of ours: one a branch that a forked INVITE reached (RFC 3261 §13.2.2.4, RFC 3262 §4)."""

from dataclasses import dataclass

from signaling.sip.calls.dialog import Dialog
from signaling.sip.errors import ParseError
from signaling.sip.exchanges.transactions import Reply
from signaling.sip.flow import Flow
from signaling.sip.headers import parse_rseq

MAX_BRANCHES = 16
"""Of one call: what more answer provisionally are not followed."""


@dataclass(slots=True)
class Branch:
    dialog: Dialog
    flow: Flow
    """Of the latest answer."""
    rseq: int | None = None
    """Of the latest reliable provisional answer."""
    answer: str | None = None
    """The session description of that branch, sent reliably: the 2xx need not repeat it."""
    offer: Reply | None = None
    """A reliable provisional answer with an offer, that our PRACK is to answer."""


def read_reliable(reply: Reply) -> int | None:
    """RSeq of a provisional answer that wants a PRACK; None if it wants none, or cannot be acknowledged."""
    headers = reply.response.headers
    try:
        required = [tag.lower() for tag in headers.items("Require")]
        return parse_rseq(headers.get("RSeq") or "") if "100rel" in required else None
    except ParseError:
        return None


def is_next(branch: Branch, rseq: int) -> bool:
    """§4: in order, each once; the first may have any number."""
    return branch.rseq is None or rseq == branch.rseq + 1
