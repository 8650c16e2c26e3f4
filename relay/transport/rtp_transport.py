"""The datagrams of an RTP leg: a port pair of its own, the peer's address as signalled or learned, RTP or SRTP."""

import contextlib
import socket
from dataclasses import dataclass
from typing import Protocol

from relay.errors import SrtpError
from relay.lines import Lines, Receiver, Way
from relay.offers.negotiation import Agreement
from relay.transport.address import Address
from relay.transport.demux import Kind, classify
from relay.transport.dtls import Certificate
from relay.transport.latch import Latch
from relay.transport.media_keys import MediaKeys, Place
from relay.transport.udp import UdpSocket, address_of


class Transport(Protocol):
    """The way to a leg's peer. What cannot be sent now is lost."""

    @property
    def line(self) -> int | None:
        """The line that it is, while that leads to the peer."""

    def apply(self, agreement: Agreement) -> None:
        """Sends to and hears the peer as agreed from now on."""

    def send_rtp(self, packet: bytes) -> bool:
        """To be protected and sent with the tick's others; False when there is nowhere to send to."""

    def send_rtcp(self, packet: bytes) -> None: ...

    def close(self) -> None: ...


class RtpReceiver(Receiver, Protocol):
    """Also hears whether there is a peer."""

    def renewed(self) -> None:
        """The next packet is news again."""

    def down(self, reason: str) -> None:
        """The peer has not shown the certificate that was signalled, or has closed its DTLS association."""


@dataclass(frozen=True)
class Traits:
    """Of a leg, what no description says."""

    symmetric: bool = False
    """The peer is where its packets come from."""
    offers_dtls: bool = False
    """A handshake may begin before the answer has come: it waits in the socket until then."""


class RtpTransport:
    """The RTP port is a line, received from with all others; RTCP is rare, and its port is waited on.

    The RTP port is waited on, too, while it is not sure who the peer is: behind a NAT until its address is learned,
    with DTLS until a packet has shown that the peer has the keys."""

    def __init__(
        self,
        pair: tuple[socket.socket, socket.socket],
        lines: Lines,
        receiver: RtpReceiver,
        certificate: Certificate,
        traits: Traits,
    ) -> None:
        self._receiver = receiver
        self._lines = lines
        self._rtp, self.address = pair[0], address_of(pair[0])
        self._rtcp = UdpSocket(pair[1], self._on_rtcp_port)
        self._symmetric = traits.symmetric
        waits = traits.symmetric or traits.offers_dtls
        self._line: int | None = None if waits else lines.open(self._rtp, receiver)
        self._early: UdpSocket | None = None
        """While the RTP port is waited on."""
        self._latch: Latch | None = None
        """While the peer's address is not known."""
        self._signalled: Address | None = None
        self._remote: Address | None = None
        self._remote_rtcp: Address | None = None
        self._mux = False
        self._keys = MediaKeys(certificate, self._send, self._rtcp.send, self)

    @property
    def line(self) -> int | None:
        return None if self._remote is None else self._line

    @property
    def rtcp_port(self) -> int:
        return self._rtcp.address[1]

    def apply(self, agreement: Agreement) -> None:
        self._mux = agreement.rtcp_mux
        if not self._symmetric or agreement.remote != self._signalled:
            self._signalled = agreement.remote
            self._remote, self._remote_rtcp = agreement.remote, agreement.remote_rtcp
            self._latch = Latch() if self._symmetric else None
        place = Place(agreement.remote, agreement.remote_rtcp, agreement.rtcp_mux, self._symmetric)
        if self._keys.use(agreement.security, place):
            self._receiver.renewed()
        self._read()

    def send_rtp(self, packet: bytes) -> bool:
        if self._remote is None or self._keys.missing:
            return False
        if self._line is not None:
            self._lines.post(self._line, packet)
        else:
            self._send(packet if self._keys.rtp is None else self._keys.rtp.protect(packet), self._remote)
        return True

    def send_rtcp(self, packet: bytes) -> None:
        if self._remote_rtcp is None or self._keys.rtcp_missing:
            return
        data = packet if self._keys.rtcp is None else self._keys.rtcp.protect_rtcp(packet)
        if self._mux:
            self._send(data, self._remote_rtcp)
        else:
            self._rtcp.send(data, self._remote_rtcp)

    def close(self) -> None:
        """Of one that is closed nothing happens."""
        self._keys.close()
        if self._rtp.fileno() >= 0:
            self._stop_reading()
            self._rtp.close()
        self._rtcp.close()

    # From the keys

    def keyed(self, at: Address) -> None:
        if self._symmetric:
            self._locate(at)
        self._read()

    def rtcp_keyed(self, at: Address) -> None:
        self._remote_rtcp = at

    def down(self, reason: str) -> None:
        self._receiver.down(reason)

    def _send(self, data: bytes, to: Address) -> None:
        with contextlib.suppress(OSError):  # as in UdpSocket.send
            self._rtp.sendto(data, to)

    def _read(self) -> None:
        """The way that fits what is known of the peer now."""
        sure = self._latch is None and self._keys.proven
        if sure and self._line is None:
            self._stop_reading()
            self._line = self._lines.open(self._rtp, self._receiver)
        elif not sure and self._early is None:
            self._stop_reading()
            self._early = UdpSocket(self._rtp, self._on_early)
        if self._line is not None:
            way = Way(self._remote, self._keys.rtp, self._mux) if self._remote else None
            self._lines.lead(self._line, way)

    def _stop_reading(self) -> None:
        if self._line is not None:
            self._lines.close(self._line)
            self._line = None
        if self._early is not None:
            self._early.release()
            self._early = None

    def _on_early(self, data: bytes, source: Address, arrival_ns: int) -> None:
        """A datagram of somebody who may be the peer."""
        kind = classify(data)
        if kind is Kind.RTP:
            self._take_early(data, source, arrival_ns)
        elif kind is Kind.RTCP and self._mux and self._latch is None and source == self._remote:
            self._let_rtcp_through(data, source, arrival_ns)
        elif kind is not Kind.DTLS or not self._keys.take_handshake(data, source):
            self._receiver.discard()

    def _take_early(self, data: bytes, source: Address, arrival_ns: int) -> None:
        if self._latch is None and source != self._remote:
            self._receiver.discard()
            return
        try:
            packets = [self._keys.open(data)]
        except SrtpError:
            self._receiver.discard()
            return
        if self._latch is not None:
            packets = self._latch.take(packets[0], source, authentic=self._keys.rtp is not None)
            if not packets:
                return
            self._locate(source)
        self._read()
        for packet in packets:
            self._receiver.receive_rtp(packet, arrival_ns)

    def _locate(self, source: Address) -> None:
        """The peer is there."""
        self._latch = None
        self._remote = source
        if self._mux:
            self._remote_rtcp = source
        elif self._remote_rtcp is not None:
            self._remote_rtcp = source[0], self._remote_rtcp[1]

    def _on_rtcp_port(self, data: bytes, source: Address, arrival_ns: int) -> None:
        kind = classify(data)
        if kind is Kind.DTLS and self._keys.take_handshake(data, source, rtcp=True):
            return
        if self._mux or not self._is_peers_rtcp(source) or kind is not Kind.RTCP:
            self._receiver.discard()
            return
        self._let_rtcp_through(data, source, arrival_ns)

    def _is_peers_rtcp(self, source: Address) -> bool:
        """The port of a peer behind a NAT is known once it has sent, from the host that its sound comes from."""
        if not self._symmetric:
            return source == self._remote_rtcp
        return self._latch is None and self._remote is not None and source[0] == self._remote[0]

    def _let_rtcp_through(self, data: bytes, source: Address, arrival_ns: int) -> None:
        if self._keys.rtcp_missing:
            self._receiver.discard()
            return
        try:
            clear = data if self._keys.rtcp is None else self._keys.rtcp.unprotect_rtcp(data)
        except SrtpError:
            self._receiver.discard()
            return
        self._remote_rtcp = source
        self._receiver.receive_rtcp(clear, arrival_ns)
