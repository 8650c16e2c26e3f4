"""Alarms of a leg: nothing comes, sound goes one way only, or packets flow and nobody is heard. Pure."""

from relay.api import Alarm

NO_MEDIA_NS = 5_000_000_000
RESTING_NS = 30_000_000_000
"""After comfort noise a peer may send nothing while it is silent (RFC 3389 section 5)."""
SILENCE_NS = 30_000_000_000
"""Long enough that one who only listens is seldom called silent: there is noise around him."""


class MediaWatch:
    """Told what comes, asked a few times a second what is wrong."""

    def __init__(self) -> None:
        self.alarm: Alarm | None = None
        self._since: int | None = None
        """When it began that packets are expected."""
        self._packet_ns = 0
        self._sound_ns = 0
        self._resting = False
        self._left = False

    def packet(self, now_ns: int, resting: bool) -> None:
        """`resting`: it says that silence follows."""
        self._packet_ns, self._resting, self._left = now_ns, resting, False

    def sound(self, now_ns: int) -> None:
        self._sound_ns = now_ns

    def goodbye(self) -> None:
        """The peer has said that it sends nothing more: that nothing comes is no alarm, until something does."""
        self._left = True

    def check(self, now_ns: int, expecting: bool, heard: bool | None) -> tuple[Alarm | None, Alarm | None]:
        """The alarms that end and begin now. `expecting`: the peer may and should send; `heard`: whether it receives
        what we send, as far as that is known."""
        if not expecting or self._left:
            self._since = None
        elif self._since is None:
            self._since = now_ns
        before, self.alarm = self.alarm, self._judge(now_ns, heard)
        return (before, self.alarm) if before != self.alarm else (None, None)

    def _judge(self, now_ns: int, heard: bool | None) -> Alarm | None:
        if self._since is not None:
            patience = RESTING_NS if self._resting else NO_MEDIA_NS
            if now_ns - max(self._packet_ns, self._since) >= patience:
                return "one_way" if heard else "no_media"
        if heard is False:
            return "one_way"
        if self._since is not None and now_ns - max(self._sound_ns, self._since) >= SILENCE_NS:
            return "silence"
        return None
