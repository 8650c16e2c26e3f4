"""Makes legs with their transports, and keeps what they share: the port range and the browsers' port."""

from collections.abc import Callable

from relay.api import AddBrowserLeg, AddRtpLeg, Dtmf, Media
from relay.engine import Engine
from relay.leg import Leg, Told
from relay.lines import Lines
from relay.offers.browser_negotiation import is_for_ice
from relay.offers.negotiation import VOICE
from relay.offers.negotiator import BrowserNegotiator, RtpNegotiator
from relay.offers.sdp import SessionDescription
from relay.offers.securing import Keying
from relay.tapping.tap import TapBook
from relay.tick import now
from relay.transport.browser_port import BrowserPort
from relay.transport.browser_transport import BrowserTransport
from relay.transport.dtls import Certificates
from relay.transport.rtp_transport import RtpTransport, Traits
from relay.transport.udp import PortRange


class LegMaker:
    def __init__(
        self,
        rtp_ports: tuple[int, int],
        lines: Lines,
        engine: Engine,
        taps: TapBook,
        tell: Callable[[Told], None],
    ) -> None:
        self._ports = PortRange(*rtp_ports)
        self._lines = lines
        self._engine = engine
        self._taps = taps
        self._tell = tell
        self._browsers = BrowserPort()
        self._certificates = Certificates()
        self._address = ""

    def listen(self, address: str, port: int) -> None:
        """Opens the browsers' port, and says where the other ports will be opened. Raises OSError."""
        self._address = address
        self._certificates.current(now())  # takes longer than a call should wait for
        self._browsers.listen(address, port)

    def close(self) -> None:
        self._browsers.close()

    def keep_house(self, now_ns: int) -> None:
        """Looks for browsers that no longer consent."""
        self._browsers.keep_house(now_ns)

    def make(self, command: AddRtpLeg | AddBrowserLeg) -> tuple[Leg, Media]:
        """The leg, in its room already, and our half of its SDP. Raises LegError; nothing is left of the leg then."""
        if isinstance(command, AddBrowserLeg):
            return self._browser_leg(command, VOICE, "auto")
        keying = Keying(command.srtp, command.suites, command.keys)
        if command.offer is not None and is_for_ice(SessionDescription.parse(command.offer), keying):
            return self._browser_leg(command, command.codecs, command.dtmf)
        return self._rtp_leg(command)

    def _rtp_leg(self, command: AddRtpLeg) -> tuple[Leg, Media]:
        leg = Leg(command.leg, command.room, "rtp", self._engine, self._taps, self._tell, command.dtmf)
        pair, certificate = self._ports.bind_pair(self._address), self._certificates.current(now())
        traits = Traits(command.symmetric, offers_dtls=command.offer is None and command.keys == "dtls")
        transport = RtpTransport(pair, self._lines, leg, certificate, traits)
        try:
            advertised = (command.address, transport.address[1])
            keying = Keying(command.srtp, command.suites, command.keys)
            fingerprint = certificate.fingerprint
            negotiator = RtpNegotiator(advertised, transport.rtcp_port, command.codecs, keying, fingerprint)
            leg.attach(transport, negotiator)
            return leg, self._begin(leg, command.offer)
        except BaseException:
            transport.close()
            raise

    def _browser_leg(
        self, command: AddRtpLeg | AddBrowserLeg, codecs: tuple[str, ...], dtmf: Dtmf
    ) -> tuple[Leg, Media]:
        leg = Leg(command.leg, command.room, "browser", self._engine, self._taps, self._tell, dtmf)
        transport = BrowserTransport(self._browsers, leg)
        address = (command.address, self._browsers.port)
        negotiator = BrowserNegotiator(address, transport.fingerprint, leg.stream, transport, codecs)
        leg.attach(transport, negotiator)
        return leg, self._begin(leg, command.offer)

    def _begin(self, leg: Leg, offer: str | None) -> Media:
        if offer is not None:
            leg.begin(leg.negotiator.answer(offer))
            return leg.media()
        ours = leg.negotiator.offer()
        leg.begin_silent(ours.preliminary(), ours.receive())
        return Media(ours.sdp, encrypted=ours.encrypted)
