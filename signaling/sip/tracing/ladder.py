"""The ladder of a call for a terminal: who sent what to whom, and when."""

from collections.abc import Iterator

from signaling.sip.tracing.redaction import ShownMessage

WIDTH = 52
"""Of an arrow."""


class Ladder:
    """`headers`: each message with its headers. Times are seconds since the first message."""

    def __init__(self, headers: bool = False) -> None:
        self._headers = headers
        self._began: float | None = None
        self._peers: dict[str, str] = {}

    def add(self, message: ShownMessage) -> Iterator[str]:
        """Its lines; the first of a peer names it."""
        if self._began is None:
            self._began = message.at
        peer = f"{message.transport} {message.peer}"
        if peer not in self._peers:
            self._peers[peer] = str(len(self._peers) + 1)
            yield f"peer {self._peers[peer]}: {peer}"
        yield f"{message.at - self._began:10.3f}  peer {self._peers[peer]} {arrow(message)} us"
        if self._headers:
            yield from (f"{'':16}{name}: {value}" for name, value in message.headers)


def arrow(message: ShownMessage) -> str:
    """With what is said on it: method or status, and for an answer to what."""
    text = f"{message.start} ({message.cseq})" if message.start[:3].isdigit() else message.start
    line = f"-- {text[: WIDTH - 8]} ".ljust(WIDTH - 1, "-")
    return f"<{line}" if message.sent else f"{line}>"
