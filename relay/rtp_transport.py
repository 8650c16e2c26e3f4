"""The datagrams of an RTP leg: a port pair of its own, the peer's address as signalled, plain RTP or SRTP by SDES."""

import socket
from typing import Protocol

from relay.address import Address
from relay.demux import Kind, classify
from relay.errors import SrtpError
from relay.negotiation import Agreement
from relay.sdes import Crypto
from relay.srtp import Srtp
from relay.udp import UdpSocket


class Receiver(Protocol):
    """Who gets what a transport let through."""

    def receive_rtp(self, data: bytes, arrival_ns: int) -> None:
        """An RTP packet in clear, authenticated where the leg is encrypted."""

    def receive_rtcp(self, data: bytes, arrival_ns: int) -> None:
        """An RTCP compound, likewise."""

    def discard(self) -> None:
        """A datagram was not let through."""


class Transport(Protocol):
    """The way to a leg's peer. What cannot be sent now is lost."""

    def apply(self, agreement: Agreement) -> None:
        """Sends to and hears the peer as agreed from now on."""

    def send_rtp(self, packet: bytes) -> bool:
        """Protects and sends; False when there is nowhere to send to."""

    def send_rtcp(self, packet: bytes) -> None: ...

    def close(self) -> None: ...


class RtpTransport:
    def __init__(self, pair: tuple[socket.socket, socket.socket], receiver: Receiver) -> None:
        self._receiver = receiver
        self._rtp = UdpSocket(pair[0], self._on_rtp_port)
        self._rtcp = UdpSocket(pair[1], self._on_rtcp_port)
        self._remote: Address | None = None
        self._remote_rtcp: Address | None = None
        self._mux = False
        self._srtp: Srtp | None = None
        self._keys: tuple[Crypto | None, Crypto | None] = (None, None)

    @property
    def address(self) -> Address:
        return self._rtp.address

    @property
    def rtcp_port(self) -> int:
        return self._rtcp.address[1]

    def apply(self, agreement: Agreement) -> None:
        self._remote, self._remote_rtcp = agreement.remote, agreement.remote_rtcp
        self._mux = agreement.rtcp_mux
        self._srtp = self._session(agreement.ours, agreement.theirs)
        self._keys = (agreement.ours, agreement.theirs)

    def send_rtp(self, packet: bytes) -> bool:
        if self._remote is None:
            return False
        self._rtp.send(packet if self._srtp is None else self._srtp.protect(packet), self._remote)
        return True

    def send_rtcp(self, packet: bytes) -> None:
        if self._remote_rtcp is None:
            return
        data = packet if self._srtp is None else self._srtp.protect_rtcp(packet)
        (self._rtp if self._mux else self._rtcp).send(data, self._remote_rtcp)

    def close(self) -> None:
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

    def _on_rtp_port(self, data: bytes, source: Address, arrival_ns: int) -> None:
        if source != self._remote:
            self._receiver.discard()
            return
        kind = classify(data)
        if kind is Kind.RTP:
            self._let_rtp_through(data, arrival_ns)
        elif kind is Kind.RTCP and self._mux:
            self._let_rtcp_through(data, arrival_ns)
        else:
            self._receiver.discard()

    def _on_rtcp_port(self, data: bytes, source: Address, arrival_ns: int) -> None:
        if source != self._remote_rtcp or self._mux or classify(data) is not Kind.RTCP:
            self._receiver.discard()
            return
        self._let_rtcp_through(data, arrival_ns)

    def _let_rtp_through(self, data: bytes, arrival_ns: int) -> None:
        try:
            clear = data if self._srtp is None else self._srtp.unprotect(data)
        except SrtpError:
            self._receiver.discard()
            return
        self._receiver.receive_rtp(clear, arrival_ns)

    def _let_rtcp_through(self, data: bytes, arrival_ns: int) -> None:
        try:
            clear = data if self._srtp is None else self._srtp.unprotect_rtcp(data)
        except SrtpError:
            self._receiver.discard()
            return
        self._receiver.receive_rtcp(clear, arrival_ns)
