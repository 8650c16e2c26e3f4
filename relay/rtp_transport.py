"""The datagrams of an RTP leg: a port pair of its own, the peer's address as signalled, plain RTP or SRTP by SDES."""

import contextlib
import socket
from typing import Protocol

from relay.address import Address
from relay.demux import Kind, classify
from relay.errors import SrtpError
from relay.lines import Lines, Receiver, Way
from relay.negotiation import Agreement
from relay.sdes import Crypto
from relay.srtp import Srtp
from relay.udp import UdpSocket, address_of


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
    """The RTP port is a line, received from with all others; RTCP is rare, and its port is waited on."""

    def __init__(self, pair: tuple[socket.socket, socket.socket], lines: Lines, receiver: Receiver) -> None:
        self._receiver = receiver
        self._lines = lines
        self._rtp, self.address = pair[0], address_of(pair[0])
        self._line = lines.open(self._rtp, receiver)
        self._rtcp = UdpSocket(pair[1], self._on_rtcp_port)
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
        self._remote, self._remote_rtcp = agreement.remote, agreement.remote_rtcp
        self._mux = agreement.rtcp_mux
        self._srtp = self._session(agreement.ours, agreement.theirs)
        self._keys = (agreement.ours, agreement.theirs)
        self._lines.lead(self._line, Way(self._remote, self._srtp, self._mux) if self._remote else None)

    def send_rtp(self, packet: bytes) -> bool:
        if self._remote is None:
            return False
        self._lines.post(self._line, packet)
        return True

    def send_rtcp(self, packet: bytes) -> None:
        if self._remote_rtcp is None:
            return
        data = packet if self._srtp is None else self._srtp.protect_rtcp(packet)
        if not self._mux:
            self._rtcp.send(data, self._remote_rtcp)
            return
        with contextlib.suppress(OSError):  # as in UdpSocket.send
            self._rtp.sendto(data, self._remote_rtcp)

    def close(self) -> None:
        """Of one that is closed nothing happens."""
        if self._rtp.fileno() >= 0:
            self._lines.close(self._line)
            self._rtp.close()
        self._rtcp.close()

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
        if source != self._remote_rtcp or self._mux or classify(data) is not Kind.RTCP:
            self._receiver.discard()
            return
        self._let_rtcp_through(data, arrival_ns)

    def _let_rtcp_through(self, data: bytes, arrival_ns: int) -> None:
        try:
            clear = data if self._srtp is None else self._srtp.unprotect_rtcp(data)
        except SrtpError:
            self._receiver.discard()
            return
        self._receiver.receive_rtcp(clear, arrival_ns)
