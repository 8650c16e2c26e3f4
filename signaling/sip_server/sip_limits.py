"""How many connections there may be, and how long each may take for what."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from signaling.sip.flow import Address, Flow, Transport
from signaling.sip.strangers import source_of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    connections: int = 1024
    per_source: int = 64
    strangers: int = 128
    """Connections from where no trunk is, all together: strangers cannot take the trunks' places."""
    handshake: float = 10.0
    """Seconds for TCP and TLS to be set up."""
    message: float = 32.0
    """Seconds for a message to come, from its first octet on."""
    idle: float = 600.0
    """Seconds without a message after which a connection that no call uses is closed,"""
    stranger_idle: float = 10.0
    """or that of a stranger;"""
    stranger: float = 32.0
    """and after so many of these he must have become somebody, whatever he has sent."""
    slice: float = 0.005
    """Seconds that the messages of one connection are worked on before others have their turn."""
    unsent: int = 1 << 20
    """Octets that a peer may leave unread."""
    keep_alive: float = 95.0
    """Seconds between pings on connections of ours, at most (RFC 5626 §4.4.1),"""
    pong: float = 10.0
    """and for the answer of a peer that has answered before."""
    linger: float = 2.0
    """Seconds to get rid of the last octets when we stop."""


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Place:
    """Of one connection that was let in."""

    source: str
    of_stranger: bool


class Complaints:
    """Of what anybody may do as often as he likes, once a second: nobody fills the disk with our log."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refused = 0
        self._next = 0.0

    def tell(self, reason: str, **more: str | int) -> None:
        self._refused += 1
        now = self._clock()
        if now >= self._next:
            self._next = now + 1.0
            log.warning("x connection refused", reason=reason, refused=self._refused, **more)


class Places:
    """Connections that were let in, by where they come from."""

    def __init__(self, limits: Limits, is_known: Callable[[Flow], bool], clock: Callable[[], float]) -> None:
        """`is_known`: whether a trunk or a registered phone is at its other end."""
        self._limits = limits
        self._is_known = is_known
        self._complaints = Complaints(clock)
        self._sources: Counter[str] = Counter()
        self._strangers = 0

    def admit(self, kind: Transport, remote: Address) -> Place | None:
        """Counts a connection in, unless there are too many: before its handshake, so that these are limited too."""
        stranger = not self._is_known(Flow(kind, ("", 0), remote))
        source = source_of(remote[0]) if stranger else remote[0]
        total, of_source = self._sources.total(), self._sources[source]
        if (
            total >= self._limits.connections
            or of_source >= self._limits.per_source
            or (stranger and self._strangers >= self._limits.strangers)
        ):
            self.complain("too many connections", of_source=of_source, strangers=self._strangers, connections=total)
            return None
        self._sources[source] += 1
        self._strangers += stranger
        return Place(source, stranger)

    def release(self, place: Place) -> None:
        """A connection that was let in is gone, or its other end has become somebody, who takes nobody's place."""
        self._sources -= Counter([place.source])
        self._strangers -= place.of_stranger

    def complain(self, reason: str, **more: str | int) -> None:
        self._complaints.tell(reason, **more)


def plain_address(name: Any) -> Address:
    """A socket's name as host and port: no scope, and IPv4 in its own form on an IPv6 socket, so that rules hold."""
    return (str(name[0]).partition("%")[0].removeprefix("::ffff:"), int(name[1]))
