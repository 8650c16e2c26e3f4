"""The DTLS of one media port without ICE (RFC 5763): with whoever may be the peer, until one of them has shown its
certificate."""

from collections.abc import Callable

from aiortc import RTCCertificate

from relay.offers.securing import Handshake
from relay.transport.address import Address
from relay.transport.dtls import Dtls
from relay.transport.srtp import Srtp

MOST_AT_ONCE = 4
"""Sources whose handshakes are followed; of more the first ones count, each for as long as its handshake may last."""


class Handshakes:
    """`done` once, with the keys and the place of who has the certificate that was signalled; `failed` when it is sure
    that nobody has."""

    def __init__(
        self,
        certificate: RTCCertificate,
        handshake: Handshake,
        send: Callable[[bytes, Address], None],
        done: Callable[[Srtp, Address], None],
        failed: Callable[[str], None],
    ) -> None:
        self._certificate = certificate
        self._handshake = handshake
        self._send = send
        self._done = done
        self._failed = failed
        self._at: dict[Address, Dtls] = {}
        self._peer: Address | None = None
        self._only: Address | None = None
        self._anywhere = False

    def expect_anywhere(self) -> None:
        """The peer is where it begins the handshake."""
        self._anywhere = True

    def expect(self, at: Address) -> None:
        """The peer is there and nowhere else; if it is for us to begin, the handshake begins."""
        self._only = at
        if self._handshake.active and at not in self._at:
            self._open(at).start(active=True)

    def receive(self, data: bytes, source: Address) -> bool:
        """A DTLS datagram; False when it had to be dropped."""
        dtls = self._at.get(source)
        if dtls is None:
            if not self._may_begin(source):
                return False
            dtls = self._open(source)
            dtls.start(active=False)
        return dtls.receive(data)

    def close(self) -> None:
        """Ends all of it with a word to the other side; nothing is told any more."""
        for dtls in self._at.values():
            dtls.close()
        self._at = {}

    def _may_begin(self, source: Address) -> bool:
        if self._handshake.active or self._peer is not None or len(self._at) >= MOST_AT_ONCE:
            return False
        return self._anywhere or source == self._only

    def _open(self, at: Address) -> Dtls:
        dtls = self._at[at] = Dtls(
            self._certificate,
            self._handshake.fingerprints,
            lambda data: self._send(data, at),
            lambda srtp: self._keyed(at, srtp),
            lambda reason: self._ended(at, reason),
        )
        return dtls

    def _keyed(self, at: Address, srtp: Srtp) -> None:
        self._peer = at
        for other in [source for source in self._at if source != at]:
            self._at.pop(other).close()
        self._done(srtp, at)

    def _ended(self, at: Address, reason: str) -> None:
        self._at.pop(at, None)
        if at in (self._peer, self._only):
            self._failed(reason)
