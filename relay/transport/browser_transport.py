"""The way to a leg's browser, across restarts of ICE and new pages of it."""

from typing import Protocol

from relay.lines import Receiver
from relay.offers.negotiation import Agreement
from relay.transport.association import BrowserAssociation
from relay.transport.browser_port import BrowserPort
from relay.transport.dtls import new_certificate
from relay.transport.ice import Credentials


class BrowserReceiver(Receiver, Protocol):
    """Also hears whether there is a peer."""

    def renewed(self) -> None:
        """The next `up` is news again."""

    def up(self) -> None:
        """Media can flow."""

    def down(self, reason: str) -> None:
        """The peer is lost."""


class BrowserTransport:
    """Has an association in use, and one that is to replace it: a page that was reloaded comes with other keys.

    An offer with the same fingerprint and new ICE credentials keeps the association (RFC 8842 section 4): the browser
    goes on with its DTLS on another way."""

    def __init__(self, port: BrowserPort, receiver: BrowserReceiver) -> None:
        self._port = port
        self._receiver = receiver
        self._certificate, self.fingerprint = new_certificate()
        self._current: BrowserAssociation | None = None
        self._coming: BrowserAssociation | None = None
        self._theirs: Credentials | None = None
        self._known: tuple[Credentials, Credentials] | None = None
        self._offered: Credentials | None = None

    @property
    def line(self) -> int | None:
        """None: browsers share a port, which is none of the lines."""
        return None

    def credentials_for(self, theirs: Credentials) -> Credentials:
        """Ours: the same while the peer's are, new ones for a restart (RFC 8445 section 9)."""
        if self._known is None or self._known[0] != theirs:
            self._known = (theirs, Credentials.generate())
        return self._known[1]

    def credentials_to_offer(self) -> Credentials:
        """Ours: those in use, since an offer of ours never restarts ICE."""
        self._offered = self._known[1] if self._known is not None else self._offered or Credentials.generate()
        return self._offered

    def credentials_answered(self, theirs: Credentials) -> Credentials:
        """Ours for those of the peer's answer: those that were offered."""
        self._known = (theirs, self._offered or Credentials.generate())
        return self._known[1]

    def apply(self, agreement: Agreement) -> None:
        peer, ours = agreement.peer, agreement.credentials
        if peer is None or ours is None:
            raise AssertionError("an agreement with a browser has its ICE and DTLS parameters")
        if self._coming and self._current and self._current.fingerprints == peer.fingerprints:
            # The page in use speaks again: the one that was to replace it is given up.
            self._coming.close()
            self._coming = None
        newest = self._coming or self._current
        if newest is not None and newest.fingerprints == peer.fingerprints:
            if self._theirs == peer.credentials:
                return
        else:
            newest = self._associate(agreement)
        self._theirs = peer.credentials
        newest.use(ours, peer.credentials)
        self._receiver.renewed()

    def send_rtp(self, packet: bytes) -> bool:
        return self._current is not None and self._current.send_rtp(packet)

    def send_rtcp(self, packet: bytes) -> None:
        if self._current is not None:
            self._current.send_rtcp(packet)

    def close(self) -> None:
        for association in (self._current, self._coming):
            if association is not None:
                association.close()
        self._current = self._coming = None

    def association_up(self, association: BrowserAssociation) -> None:
        if association is self._coming:
            if self._current is not None:
                self._current.close()
            self._current, self._coming = association, None
        if self._coming is None:
            self._receiver.up()

    def association_silent(self, association: BrowserAssociation, reason: str) -> None:
        if association is self._current:
            self._receiver.down(reason)

    def association_ended(self, association: BrowserAssociation, reason: str) -> None:
        if association is self._coming:
            self._coming = None
            return
        self._current, self._coming = self._coming, None
        self._receiver.down(reason)

    def _associate(self, agreement: Agreement) -> BrowserAssociation:
        if agreement.peer is None:
            raise AssertionError("checked by the caller")
        made = BrowserAssociation(self._port, self._certificate, agreement.peer, self._receiver, self)
        if self._current is None:
            self._current = made
            return made
        if self._coming is not None:
            self._coming.close()
        self._coming = made
        return made
