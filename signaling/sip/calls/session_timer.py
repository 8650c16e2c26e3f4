"""Session timers (RFC 4028): a call that nobody refreshes is over, however its end was lost."""

from dataclasses import dataclass
from typing import Protocol

import msgspec

from signaling.sip.abilities import Abilities
from signaling.sip.config import SipConfig
from signaling.sip.deadlines import Deadlines
from signaling.sip.errors import ParseError
from signaling.sip.headers.expiry import Refresher, SessionExpires, parse_min_se
from signaling.sip.messages.message import Headers
from signaling.sip.replies import Answer, Fields


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides have agreed on."""

    seconds: int
    we_refresh: bool

    @property
    def patience(self) -> float:
        """After how many seconds without a refresh BYE is sent (§10): we give up at the end, the other side's refresh
        is not awaited so long."""
        return self.seconds if self.we_refresh else self.seconds - min(32.0, self.seconds / 3)


def read_expires(headers: Headers) -> SessionExpires | None:
    """Raises ParseError."""
    value = headers.get("Session-Expires")
    return SessionExpires.parse(value) if value is not None else None


def read_min_se(headers: Headers) -> int:
    """0 where none is given. Raises ParseError."""
    value = headers.get("Min-SE")
    return parse_min_se(value) if value is not None else 0


def check_expires(headers: Headers, config: SipConfig) -> Answer | None:
    """422 for a request whose span is below ours, if its sender knows what that means (§9); 400 for a malformed one."""
    try:
        asked = read_expires(headers)
        read_min_se(headers)
    except ParseError as error:
        return Answer(400, error.phrase)
    if asked is not None and asked.seconds < config.min_se and "timer" in Abilities.read(headers).extensions:
        return Answer(422, "", (("Min-SE", str(config.min_se)),))
    return None


def settle(headers: Headers, config: SipConfig) -> Terms | None:
    """What we grant to a request that `check_expires` let pass (§9); None: no timer."""
    asked = read_expires(headers)
    knows = "timer" in Abilities.read(headers).extensions
    if asked is None and not (knows and config.session_expires):
        return None
    wanted = config.session_expires if asked is None else asked.seconds
    seconds = max(wanted, read_min_se(headers), config.min_se)
    # Table 2: one who does not know the extension does not refresh.
    return Terms(seconds, not knows or (asked is not None and asked.refresher == "uas"))


class SavedTimer(msgspec.Struct, frozen=True):
    """A session timer that runs, as another process can go on with it."""

    seconds: int
    we_refresh: bool
    lapse: float
    """Seconds that are left."""
    refresh: float | None
    """Likewise; None: the peer refreshes."""


class Refreshed(Protocol):
    """Whose session it is."""

    def refresh(self, now: float) -> None: ...

    def lapse(self, now: float) -> None: ...


class SessionTimer:
    def __init__(self, owner: Refreshed, config: SipConfig, deadlines: Deadlines) -> None:
        self.terms: Terms | None = None
        self._owner = owner
        self._config = config
        self._deadlines = deadlines
        self._min_se = config.min_se

    def request_fields(self) -> Fields:
        """For an INVITE or UPDATE of ours (§7.1, §7.4)."""
        seconds = self._config.session_expires if self.terms is None else self.terms.seconds
        if not seconds:
            return ()
        refresher: Refresher | None = None if self.terms is None else ("uac" if self.terms.we_refresh else "uas")
        expires = SessionExpires(max(seconds, self._min_se), refresher)
        return (("Session-Expires", str(expires)), ("Min-SE", str(self._min_se)))

    def grant(self, headers: Headers, now: float) -> Fields:
        """For our 2xx to a request with these headers; the timer starts."""
        self._start(settle(headers, self._config), now)
        if self.terms is None:
            return ()
        side = SessionExpires(self.terms.seconds, "uas" if self.terms.we_refresh else "uac")
        needs = (("Require", "timer"),) if "timer" in Abilities.read(headers).extensions else ()
        return (("Session-Expires", str(side)), *needs)

    def take(self, headers: Headers, now: float) -> None:
        """A 2xx to our request has come (§7.2): without Session-Expires the session has no end of its own."""
        try:
            granted = read_expires(headers)
        except ParseError:
            granted = None
        terms = (
            None if granted is None else Terms(max(granted.seconds, self._config.min_se), granted.refresher != "uas")
        )
        self._start(terms, now)

    def raise_minimum(self, headers: Headers) -> bool:
        """A 422 has come (§7.3): whether another try has more to offer."""
        try:
            least = read_min_se(headers)
        except ParseError:
            return False
        if least <= self._min_se:
            return False
        self._min_se = least
        return True

    def save(self, now: float) -> SavedTimer | None:
        lapse, refresh = (self._deadlines.due(self, name) for name in ("lapse", "refresh"))
        if self.terms is None or lapse is None:
            return None
        left = refresh - now if refresh is not None else None
        return SavedTimer(self.terms.seconds, self.terms.we_refresh, lapse - now, left)

    def restore(self, saved: SavedTimer, now: float) -> None:
        self.terms = Terms(saved.seconds, saved.we_refresh)
        self._deadlines.set(self, "lapse", now + saved.lapse)
        if saved.refresh is not None:
            self._deadlines.set(self, "refresh", now + saved.refresh)

    def stop(self) -> None:
        self._deadlines.cancel(self, "refresh")
        self._deadlines.cancel(self, "lapse")

    def handle_timer(self, name: str, now: float) -> None:
        if name == "lapse":
            self.stop()
            self._owner.lapse(now)
        else:
            self._owner.refresh(now)

    def _start(self, terms: Terms | None, now: float) -> None:
        self.stop()
        self.terms = terms
        if terms is None:
            return
        self._deadlines.set(self, "lapse", now + terms.patience)
        if terms.we_refresh:
            self._deadlines.set(self, "refresh", now + terms.seconds / 2)
