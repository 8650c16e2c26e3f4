"""What a user agent is told once: timers, limits, where random values come from."""

import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from signaling.sip.registering.digest import ALGORITHMS


@dataclass(frozen=True, slots=True)
class Timers:
    """The base values of RFC 3261 table 4, in seconds; timers A to M follow from them."""

    t1: float = 0.5
    """Estimate of the round trip."""
    t2: float = 4.0
    """Longest interval between retransmissions."""
    t4: float = 5.0
    """How long a message stays in the network."""
    d: float = 32.0
    """How long answers to an INVITE may be repeated over UDP: at least 32 s."""
    c: float = 180.0
    """How long our own INVITE may ring before we cancel it."""
    refresh: float = 60.0
    """Between repeated provisional answers, so that proxies do not give up (§13.3.1.1)."""

    @property
    def timeout(self) -> float:
        """Timers B, F, H, J, L and M: 64 * T1."""
        return 64 * self.t1


DEFAULT_TIMERS = Timers()


def random_token() -> str:
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class SipConfig:
    timers: Timers = DEFAULT_TIMERS
    new_id: Callable[[], str] = random_token
    """A random token for tags, branches, Call-IDs and names of calls: 128 bits that nobody guesses."""
    product: str = "Telephonist"
    """In Server and User-Agent."""
    max_calls: int = 10_000
    """Above it, new calls get 503."""
    max_stranger_message: int = 4096
    """Octets: a longer message of somebody who is no trunk is not even read, since reading it costs up to 15 ms."""
    session_expires: int = 1800
    """Seconds that a call may go on without a refresh (RFC 4028); 0: we ask for none, but grant them."""
    min_se: int = 90
    """The least that we accept."""
    refuse_strangers: bool = True
    """One 403 a second for each source that is no trunk; else strangers hear nothing at all."""
    stranger_rate: float = 20.0
    """Messages a second of a stranger that are read; what belongs to a call does not count."""
    stranger_burst: float = 100.0
    """And so many at once: what an office sends whose phones all come back together."""
    office_rate: float = 200.0
    """Likewise, of a source whose phones have shown who they are."""
    office_burst: float = 400.0
    digests: tuple[str, ...] = ALGORITHMS
    """What phones may answer with. Many that are older than RFC 8760 give up at a challenge that they cannot read, even
    when another one is beside it: for those it is MD5 alone."""
    challenge_rate: float = 5.0
    """Challenges a second for a source whose phones have shown who they are; those answered as they should be do not
    count. Any other source gets one answer a second, of whatever kind."""
    challenge_burst: float = 50.0
    trust_seconds: float = 3600.0
    """How long a source is one of phones after valid credentials have come from there."""
    guess_rate: float = 1 / 30
    """Wrong passwords a second, for a source and for an account, before nobody listens for a while."""
    guess_burst: float = 10.0
    min_expires: int = 60
    """The shortest registration, in seconds,"""
    max_expires: int = 3600
    """and the longest; a longer one is cut."""
    max_bindings: int = 5
    """Of one phone."""
    max_strangers: int = 4096
    """Sources remembered; all others together are one more."""

    def draw(self) -> float:
        """A random number from 0 to below 1, of the same source as the tokens."""
        return zlib.crc32(self.new_id().encode()) / 2**32
