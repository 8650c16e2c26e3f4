"""What protects the packets of a leg's two ports, from one agreement to the next: nothing, keys of the description, or
those of DTLS handshakes, one for each port where RTCP has its own (RFC 5764 section 4.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from relay.errors import SrtpError
from relay.offers.securing import Handshake, Security
from relay.transport.address import Address
from relay.transport.dtls import Certificate
from relay.transport.handshakes import Handshakes
from relay.transport.srtp import Srtp

Send = Callable[[bytes, Address], None]


@dataclass(frozen=True)
class Place:
    """Where the peer is, as it says itself."""

    rtp: Address | None
    rtcp: Address | None
    mux: bool
    learned: bool
    """It is where its packets come from, whatever it says."""


class KeysOwner(Protocol):
    def keyed(self, at: Address) -> None:
        """There are keys, and who has them is at that address."""

    def rtcp_keyed(self, at: Address) -> None:
        """Likewise, for an RTCP port of its own."""

    def down(self, reason: str) -> None:
        """There will be no keys."""


@dataclass(frozen=True)
class _Association:
    handshake: Handshake
    at: Address | None
    mux: bool

    def goes_on(self, handshake: Handshake, place: Place) -> bool:
        """RFC 8842 section 4: another certificate, another role or another address needs another association. A hold
        by 0.0.0.0 is no address."""
        same = (self.handshake, self.mux) == (handshake, place.mux)
        return same and (place.learned or place.rtp is None or place.rtp == self.at)


class MediaKeys:
    """Until a new handshake is done, what was in use before stays; but what is to be encrypted never goes in clear."""

    def __init__(self, certificate: Certificate, send: Send, send_rtcp: Send, owner: KeysOwner) -> None:
        self.rtp: Srtp | None = None
        self.rtcp: Srtp | None = None
        self.proven = True
        """The peer has shown that it has the keys: it will not repeat anything of a handshake."""
        self._certificate = certificate
        self._sends = (send, send_rtcp)
        self._owner = owner
        self._security = Security()
        self._association: _Association | None = None
        self._handshakes: list[Handshakes] = []
        """Of the RTP port, and of the RTCP port if it has its own."""
        self._former: list[Handshakes] = []
        self._is_keyed = True

    @property
    def missing(self) -> bool:
        """RTP must wait for keys."""
        return self._association is not None and self.rtp is None

    @property
    def rtcp_missing(self) -> bool:
        return self._association is not None and self.rtcp is None

    def use(self, security: Security, place: Place) -> bool:
        """What is agreed now; whether a new handshake begins for it."""
        before, self._security = self._security, security
        if security.handshake is None:
            self._end_all()
            self._association, self.proven, self._is_keyed = None, True, True
            self.rtp = self.rtcp = _session(before, security, self.rtp)
            return False
        if self._association is not None and self._association.goes_on(security.handshake, place):
            return False
        self._begin(security.handshake, place)
        return True

    def open(self, data: bytes) -> bytes:
        """An RTP packet in clear. Raises SrtpError."""
        if self.missing:
            raise SrtpError("no keys yet")
        clear = data if self.rtp is None else self.rtp.unprotect(data)
        self.proven = self._is_keyed
        return clear

    def take_handshake(self, data: bytes, source: Address, rtcp: bool = False) -> bool:
        """A DTLS datagram of one of the ports; False when it had to be dropped."""
        place = int(rtcp)
        return place < len(self._handshakes) and self._handshakes[place].receive(data, source)

    def close(self) -> None:
        """Of one that is closed nothing happens."""
        self._end_all()
        self.rtp = self.rtcp = None
        for name in ("_owner", "_sends"):  # of whoever has these keys: neither would be freed before a collection
            vars(self).pop(name, None)

    def _begin(self, handshake: Handshake, place: Place) -> None:
        self._former += self._handshakes
        self._association = _Association(handshake, place.rtp, place.mux)
        self.proven = self._is_keyed = False
        ports = [(place.rtp, self._sends[0], self._keyed, self._failed)]
        if not place.mux:
            ports.append((place.rtcp, self._sends[1], self._rtcp_keyed, _ignore))
        self._handshakes = []
        for at, send, done, failed in ports:
            made = Handshakes(self._certificate.key, handshake, send, done, failed)
            self._handshakes.append(made)
            if place.learned and not handshake.active:
                made.expect_anywhere()
            elif at is not None:
                made.expect(at)

    def _keyed(self, srtp: Srtp, at: Address) -> None:
        for former in self._former:
            former.close()
        self._former = []
        self.rtp, self._is_keyed = srtp, True
        if self._association is not None and self._association.mux:
            self.rtcp = srtp
        self._owner.keyed(at)

    def _rtcp_keyed(self, srtp: Srtp, at: Address) -> None:
        self.rtcp = srtp
        self._owner.rtcp_keyed(at)

    def _failed(self, reason: str) -> None:
        """A peer that moved and kept its association goes on by that."""
        if self.rtp is None:
            self._owner.down(reason)

    def _end_all(self) -> None:
        for handshakes in (*self._handshakes, *self._former):
            handshakes.close()
        self._handshakes, self._former = [], []


def _session(before: Security, now: Security, srtp: Srtp | None) -> Srtp | None:
    """By keys of the descriptions: our own goes on where it stayed, so that its packets keep being numbered."""
    if now.ours is None or now.theirs is None:
        return None
    if srtp is None or before.ours is None or before.ours.key != now.ours.key:
        return Srtp.from_keys(now.ours.suite, now.ours.key, now.theirs.key)
    if before.theirs is None or before.theirs.key != now.theirs.key:
        return srtp.with_peer_key(now.theirs.suite, now.theirs.key)
    return srtp


def _ignore(reason: str) -> None:
    """Sound goes on without reports of it."""
