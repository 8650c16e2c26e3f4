"""The datagrams of an RTP leg: a port pair of its own, the peer's address as signalled, plain RTP or SRTP by SDES."""

import contextlib
import socket
from typing import Protocol

from relay.errors import SrtpError
from relay.lines import Lines, Receiver, Way
from relay.offers.negotiation import Agreement
from relay.offers.sdes import Crypto
from relay.transport.address import Address
from relay.transport.demux import Kind, classify
from relay.transport.latch import Latch
from relay.transport.srtp import Srtp
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


class RtpTransport:
    """The RTP port is a line, received from with all others; RTCP is rare, and its port is waited on.

    Of a peer behind a NAT the RTP port is waited on, too, until its address is learned."""

    def __init__(
        self,
        pair: tuple[socket.socket, socket.socket],
        lines: Lines,
        receiver: Receiver,
        symmetric: bool = False,
    ) -> None:
        """`symmetric`: the peer is where its packets come from."""
        self._receiver = receiver
        self._lines = lines
        self._rtp, self.address = pair[0], address_of(pair[0])
        self._line: int | None = None if symmetric else lines.open(self._rtp, receiver)
        self._rtcp = UdpSocket(pair[1], self._on_rtcp_port)
        self._symmetric = symmetric
        self._signalled: Address | None = None
        self._early: tuple[Latch, UdpSocket] | None = None
        """While the peer's address is not known yet."""
        self._remote: Address | None = None
        self._remote_rtcp: Address | None = None
        self._mux = False
        self._srtp: Srtp | None = None
        self._keys: tuple[Crypto | None, Crypto | None] = (None, None)

    @property
    def line(self) -> int | None:
        return None if self._remote is None else self._line

    @property
    def rtcp_port(self) -> int:
        return self._rtcp.address[1]

    def apply(self, agreement: Agreement) -> None:
        self._mux = agreement.rtcp_mux
        self._srtp = self._session(agreement.ours, agreement.theirs)
        self._keys = (agreement.ours, agreement.theirs)
        if not self._symmetric or agreement.remote != self._signalled:
            self._signalled = agreement.remote
            self._remote, self._remote_rtcp = agreement.remote, agreement.remote_rtcp
            if self._symmetric:
                self._learn()
        self._lead()

    def send_rtp(self, packet: bytes) -> bool:
        if self._remote is None:
            return False
        if self._line is not None:
            self._lines.post(self._line, packet)
        else:
            self._send(packet if self._srtp is None else self._srtp.protect(packet), self._remote)
        return True

    def send_rtcp(self, packet: bytes) -> None:
        if self._remote_rtcp is None:
            return
        data = packet if self._srtp is None else self._srtp.protect_rtcp(packet)
        if self._mux:
            self._send(data, self._remote_rtcp)
        else:
            self._rtcp.send(data, self._remote_rtcp)

    def close(self) -> None:
        """Of one that is closed nothing happens."""
        if self._rtp.fileno() >= 0:
            self._stop_reading()
            self._rtp.close()
        self._rtcp.close()

    def _send(self, data: bytes, to: Address) -> None:
        with contextlib.suppress(OSError):  # as in UdpSocket.send
            self._rtp.sendto(data, to)

    def _lead(self) -> None:
        if self._line is not None:
            way = Way(self._remote, self._srtp, self._mux) if self._remote else None
            self._lines.lead(self._line, way)

    def _learn(self) -> None:
        self._stop_reading()
        self._early = Latch(), UdpSocket(self._rtp, self._on_early)

    def _stop_reading(self) -> None:
        if self._line is not None:
            self._lines.close(self._line)
            self._line = None
        if self._early is not None:
            self._early[1].release()
            self._early = None

    def _on_early(self, data: bytes, source: Address, arrival_ns: int) -> None:
        """A datagram of somebody who may be the peer."""
        if self._early is None or classify(data) is not Kind.RTP:
            self._receiver.discard()
            return
        try:
            clear = data if self._srtp is None else self._srtp.unprotect(data)
        except SrtpError:
            self._receiver.discard()
            return
        packets = self._early[0].take(clear, source, authentic=self._srtp is not None)
        if packets:
            self._lock(source)
            for packet in packets:
                self._receiver.receive_rtp(packet, arrival_ns)

    def _lock(self, source: Address) -> None:
        self._stop_reading()
        self._remote = source
        if self._mux:
            self._remote_rtcp = source
        elif self._remote_rtcp is not None:
            self._remote_rtcp = source[0], self._remote_rtcp[1]
        self._line = self._lines.open(self._rtp, self._receiver)
        self._lead()

    def _session(self, ours: Crypto | None, theirs: Crypto | None) -> Srtp | None:
        if ours is None or theirs is None:
            return None
        our_key, their_key = self._keys
        if self._srtp is None or our_key is None or our_key.key != ours.key:
            return Srtp.from_keys(ours.suite, ours.key, theirs.key)
        if their_key is None or their_key.key != theirs.key:
            return self._srtp.with_peer_key(theirs.suite, theirs.key)
        return self._srtp

    def _on_rtcp_port(self, data: bytes, source: Address, arrival_ns: int) -> None:
        if self._mux or not self._is_peers_rtcp(source) or classify(data) is not Kind.RTCP:
            self._receiver.discard()
            return
        self._let_rtcp_through(data, source, arrival_ns)

    def _is_peers_rtcp(self, source: Address) -> bool:
        """The port of a peer behind a NAT is known once it has sent, from the host that its sound comes from."""
        if not self._symmetric:
            return source == self._remote_rtcp
        return self._early is None and self._remote is not None and source[0] == self._remote[0]

    def _let_rtcp_through(self, data: bytes, source: Address, arrival_ns: int) -> None:
        try:
            clear = data if self._srtp is None else self._srtp.unprotect_rtcp(data)
        except SrtpError:
            self._receiver.discard()
            return
        self._remote_rtcp = source
        self._receiver.receive_rtcp(clear, arrival_ns)
