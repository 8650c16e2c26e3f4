"""The messages of calls as they came and went: a bounded ring for each, by Call-ID.

They are kept as they were and redacted when somebody asks, so that a call pays next to nothing for it. A ring begins
with an INVITE and is given up by its owner, or when all together are too many.
"""

import re
from collections import OrderedDict, deque

from signaling.sip.flow import Flow
from signaling.sip.tracing.redaction import ShownMessage, show

MESSAGES = 64
"""Of one call; the oldest go first."""
MAX_HEAD = 4096
"""Octets of one message."""
MAX_OCTETS = 32 << 20
"""Of all of them; the calls that began first go first."""

_call_id = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)
Note = tuple[bytes, Flow, bool, float]


class Trace:
    def __init__(self, max_octets: int = MAX_OCTETS, messages: int = MESSAGES) -> None:
        self._max_octets = max_octets
        self._messages = messages
        self._rings: OrderedDict[str, deque[Note]] = OrderedDict()
        self._octets = 0

    def __len__(self) -> int:
        return len(self._rings)

    def note(self, data: bytes, flow: Flow, sent: bool, at: float) -> str | None:
        """The Call-ID that it is of, if that is followed."""
        match = _call_id.search(data, 0, MAX_HEAD)
        if match is None:
            return None
        call_id = match.group(1).decode("utf-8", "surrogateescape").rstrip()
        ring = self._rings.get(call_id)
        if ring is None:
            if not data.startswith(b"INVITE "):
                return None
            ring = self._rings[call_id] = deque()
        head = data.partition(b"\r\n\r\n")[0][:MAX_HEAD]
        ring.append((head, flow, sent, at))
        self._octets += len(head)
        if len(ring) > self._messages:
            self._octets -= len(ring.popleft()[0])
        while self._octets > self._max_octets and len(self._rings) > 1:
            self._drop(next(iter(self._rings)))
        return call_id

    def follow(self, call_id: str) -> None:
        """A call that began before this process: its ring begins now."""
        self._rings.setdefault(call_id, deque())

    def of(self, call_id: str) -> list[ShownMessage]:
        """Redacted, in their order."""
        return [show(*note) for note in self._rings.get(call_id, ())]

    def latest(self, call_id: str) -> ShownMessage | None:
        ring = self._rings.get(call_id)
        return show(*ring[-1]) if ring else None

    def drop(self, call_id: str) -> None:
        """Nobody wants it any more."""
        if call_id in self._rings:
            self._drop(call_id)

    def _drop(self, call_id: str) -> None:
        self._octets -= sum(len(head) for head, *_ in self._rings.pop(call_id))
