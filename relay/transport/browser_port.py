"""The one UDP port of all browser legs: a check finds its association by fragment, all else by an address checked."""

from typing import Protocol

from relay.errors import StunError
from relay.transport.address import Address
from relay.transport.demux import Kind, classify
from relay.transport.ice import ufrag_of
from relay.transport.stun import StunMessage
from relay.transport.udp import SHARED_BUFFER, UdpSocket, bind


class Association(Protocol):
    """One browser's side of the port."""

    def receive_check(self, message: StunMessage, source: Address, arrival_ns: int) -> bytes | None:
        """The response to a check. Raises StunError."""

    def has_checked(self, source: Address) -> bool:
        """Whether a check from there has passed."""

    def receive(self, kind: Kind, data: bytes, arrival_ns: int) -> None:
        """DTLS, RTP or RTCP from an address that passed a check."""

    def keep_house(self, now_ns: int) -> None:
        """Called a few times a second."""


MAX_WAYS = 32
"""Addresses that lead to one association; of more the oldest are forgotten."""


class BrowserPort:
    def __init__(self) -> None:
        self._socket: UdpSocket | None = None
        self._by_ufrag: dict[str, Association] = {}
        self._by_address: dict[Address, Association] = {}
        self.strangers = 0
        """Datagrams that no association has to do with."""

    @property
    def port(self) -> int:
        return self._open.address[1]

    def listen(self, address: str, port: int) -> None:
        """Raises OSError."""
        self._socket = UdpSocket(bind(address, port, SHARED_BUFFER), self._receive)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def send(self, data: bytes, to: Address) -> None:
        self._open.send(data, to)

    def register(self, ufrag: str, association: Association) -> None:
        """Checks for this fragment of ours go there."""
        self._by_ufrag[ufrag] = association

    def forget_ufrag(self, ufrag: str) -> None:
        self._by_ufrag.pop(ufrag, None)

    def forget(self, association: Association) -> None:
        """Nothing goes there any more."""
        self._by_ufrag = {key: value for key, value in self._by_ufrag.items() if value is not association}
        self._by_address = {key: value for key, value in self._by_address.items() if value is not association}

    def keep_house(self, now_ns: int) -> None:
        """Lets every association look at its deadlines."""
        for association in set(self._by_ufrag.values()):
            association.keep_house(now_ns)

    @property
    def _open(self) -> UdpSocket:
        if self._socket is None:
            raise AssertionError("the port is not listened on yet")
        return self._socket

    def _receive(self, data: bytes, source: Address, arrival_ns: int) -> None:
        kind = classify(data)
        if kind is Kind.STUN:
            self._receive_check(data, source, arrival_ns)
            return
        association = self._by_address.get(source)
        if association is None or kind is Kind.UNKNOWN:
            self.strangers += 1
            return
        association.receive(kind, data, arrival_ns)

    def _receive_check(self, data: bytes, source: Address, arrival_ns: int) -> None:
        try:
            message = StunMessage.parse(data)
            association = self._by_ufrag.get(ufrag_of(message))
            response = None if association is None else association.receive_check(message, source, arrival_ns)
        except StunError:
            self.strangers += 1
            return
        if association is None:
            self.strangers += 1
            return
        if association.has_checked(source):
            self._route(source, association)
        if response is not None:
            self.send(response, source)

    def _route(self, source: Address, association: Association) -> None:
        if self._by_address.get(source) is association:
            return
        self._by_address[source] = association
        ways = [address for address, who in self._by_address.items() if who is association]
        for address in ways[:-MAX_WAYS]:
            del self._by_address[address]
