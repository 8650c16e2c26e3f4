"""One browser on the shared port: ICE-lite, then DTLS, then SRTP under the keys of that handshake."""

from collections.abc import Sequence
from typing import Protocol

from aiortc import RTCCertificate

from relay.errors import SrtpError
from relay.lines import Receiver
from relay.offers.audio import Fingerprint, Peer
from relay.tick import now
from relay.transport.address import Address
from relay.transport.browser_port import BrowserPort
from relay.transport.demux import Kind
from relay.transport.dtls import Dtls
from relay.transport.ice import Credentials, IceLite, ufrag_of
from relay.transport.srtp import Srtp
from relay.transport.stun import StunMessage

CONSENT_EXPIRED = "consent expired"


class Owner(Protocol):
    def association_up(self, association: "BrowserAssociation") -> None:
        """Media can flow. Told again and again."""

    def association_silent(self, association: "BrowserAssociation", reason: str) -> None:
        """There is no way to the peer any more; `use` may open a new one under the same keys."""

    def association_ended(self, association: "BrowserAssociation", reason: str) -> None:
        """It failed or the peer closed it, and it is of no more use."""


class BrowserAssociation:
    """Lives as long as its DTLS; the ways that ICE finds may come and go."""

    def __init__(
        self,
        port: BrowserPort,
        certificate: RTCCertificate,
        peer: Peer,
        receiver: Receiver,
        owner: Owner,
    ) -> None:
        self.fingerprints: Sequence[Fingerprint] = peer.fingerprints
        self._port = port
        self._active = peer.setup == "passive"
        self._receiver = receiver
        self._owner = owner
        self._dtls = Dtls(certificate, peer.fingerprints, self._send, self._keyed, self._end)
        self._srtp: Srtp | None = None
        self._ice: IceLite | None = None
        self._next_ice: IceLite | None = None

    def use(self, ours: Credentials, theirs: Credentials) -> None:
        """ICE begins, or begins again; until the new checks nominate an address the old one is used."""
        ice = IceLite(ours, theirs, now())
        self._port.register(ours.ufrag, self)
        if self._ice is None:
            self._ice = ice
            return
        if self._next_ice is not None:
            self._port.forget_ufrag(self._next_ice.ufrag)
        self._next_ice = ice

    def close(self) -> None:
        """Ends DTLS with a word to the peer; nothing is told to the owner."""
        self._port.forget(self)
        self._srtp = None
        self._dtls.close()

    def send_rtp(self, packet: bytes) -> bool:
        """False while there is no way or no key."""
        to = self._destination()
        if self._srtp is None or to is None:
            return False
        self._port.send(self._srtp.protect(packet), to)
        return True

    def send_rtcp(self, packet: bytes) -> None:
        to = self._destination()
        if self._srtp is not None and to is not None:
            self._port.send(self._srtp.protect_rtcp(packet), to)

    def receive_check(self, message: StunMessage, source: Address, arrival_ns: int) -> bytes | None:
        """The response to a check. Raises StunError."""
        ufrag = ufrag_of(message)
        ice = next((ice for ice in (self._next_ice, self._ice) if ice is not None and ice.ufrag == ufrag), None)
        if ice is None:
            return None
        response = ice.receive(message, source, arrival_ns / 1e9)
        if ice.addresses and not self._dtls.started:
            self._dtls.start(self._active)
        self._advance()
        return response

    def has_checked(self, source: Address) -> bool:
        return any(ice is not None and ice.is_valid(source) for ice in (self._ice, self._next_ice))

    def receive(self, kind: Kind, data: bytes, arrival_ns: int) -> None:
        """DTLS, RTP or RTCP from an address that passed a check."""
        if kind is Kind.DTLS:
            if not self._dtls.receive(data):
                self._receiver.discard()
            return
        if self._srtp is None:
            self._receiver.discard()
            return
        try:
            if kind is Kind.RTP:
                self._receiver.receive_rtp(self._srtp.unprotect(data), arrival_ns)
            else:
                self._receiver.receive_rtcp(self._srtp.unprotect_rtcp(data), arrival_ns)
        except SrtpError:
            self._receiver.discard()

    def keep_house(self, now_ns: int) -> None:
        """Gives up when the peer's consent has expired (RFC 7675)."""
        expiries = [ice.consent_expires() for ice in (self._ice, self._next_ice) if ice is not None]
        if expiries and max(expiries) < now_ns / 1e9:
            self._port.forget(self)
            self._ice = self._next_ice = None
            self._owner.association_silent(self, CONSENT_EXPIRED)

    def _advance(self) -> None:
        """A nomination may have made media possible, or possible on a new way."""
        if self._next_ice is not None and self._next_ice.selected is not None and self._ice is not None:
            self._port.forget_ufrag(self._ice.ufrag)
            self._ice, self._next_ice = self._next_ice, None
        self._tell_if_up()

    def _keyed(self, srtp: Srtp) -> None:
        self._srtp = srtp
        self._tell_if_up()

    def _tell_if_up(self) -> None:
        if self._srtp is None or self._ice is None or self._next_ice is not None:
            return
        if self._ice.selected is not None:
            self._owner.association_up(self)

    def _end(self, reason: str) -> None:
        self.close()
        self._owner.association_ended(self, reason)

    def _destination(self) -> Address | None:
        """The nominated address; during the handshake any that passed a check."""
        for ice in (self._ice, self._next_ice):
            if ice is not None and (ice.selected or ice.addresses):
                return ice.selected or ice.addresses[-1]
        return None

    def _send(self, data: bytes) -> None:
        if (to := self._destination()) is not None:
            self._port.send(data, to)
