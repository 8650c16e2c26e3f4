"""DTLS-SRTP keying (RFC 5764) by aiortc on datagrams of ours. The one file that knows aiortc's private names.

aiortc 1.16.0 is pinned. Used of it: `RTCDtlsTransport._set_role`, `_role`, `_ssl` (an OpenSSL.SSL.Connection), that
it can do without `_rx_srtp` and `_tx_srtp` once they are made, and that the transport under it is asked for `role`,
`await _recv()` and `await _send(data)` only. tests/relay/transport/test_dtls.py holds it to that.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import structlog
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, RTCIceTransport
from OpenSSL import SSL

from relay.api import HANDSHAKE_FAILED
from relay.offers.audio import Fingerprint
from relay.transport.srtp import SUITES, Srtp, Suite
from vault.pii import Pii

HANDSHAKE_SECONDS = 20.0
CERTIFICATE_SECONDS = 86_400.0
MAX_WAITING = 64
"""Datagrams of a handshake that may wait; further ones are lost, as on the way."""
CLOSED = "closed by the peer"
FAILED = HANDSHAKE_FAILED
_PROFILES = {
    b"SRTP_AES128_CM_SHA1_80": SUITES["AES_CM_128_HMAC_SHA1_80"],
    b"SRTP_AEAD_AES_128_GCM": SUITES["AEAD_AES_128_GCM"],
    b"SRTP_AEAD_AES_256_GCM": SUITES["AEAD_AES_256_GCM"],
}
"""By OpenSSL's names."""
log = structlog.get_logger()


class Certificate(NamedTuple):
    key: RTCCertificate
    fingerprint: str
    """As SDP says it (RFC 8122)."""


def new_certificate() -> Certificate:
    certificate = RTCCertificate.generateCertificate()
    said = next(found for found in certificate.getFingerprints() if found.algorithm == "sha-256")
    return Certificate(certificate, f"{said.algorithm} {said.value}")


class Certificates:
    """What RTP legs show of a worker: carriers know who it is, so that a certificate a day is enough."""

    def __init__(self) -> None:
        self._current: Certificate | None = None
        self._expires = 0.0

    def current(self, now: float) -> Certificate:
        if self._current is None or now >= self._expires:
            self._current, self._expires = new_certificate(), now + CERTIFICATE_SECONDS
        return self._current


class Dtls:
    """One association. `on_keys` once after the handshake; `on_end` once when it failed or the peer closed it."""

    def __init__(
        self,
        certificate: RTCCertificate,
        fingerprints: Sequence[Fingerprint],
        send: Callable[[bytes], None],
        on_keys: Callable[[Srtp], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._wire = _Wire(send)
        self._fingerprints = fingerprints
        self._on_keys = on_keys
        self._on_end = on_end
        # The transport asks nothing else of what is under it than _Wire has.
        self._transport = RTCDtlsTransport(cast(RTCIceTransport, self._wire), [certificate])
        self._task: asyncio.Task[None] | None = None

    @property
    def started(self) -> bool:
        return self._task is not None

    def start(self, active: bool) -> None:
        """`active`: we send the ClientHello."""
        self._transport._set_role("client" if active else "server")
        self._task = asyncio.get_running_loop().create_task(self._run())

    def receive(self, data: bytes) -> bool:
        """A DTLS datagram of the peer; False when it had to be dropped."""
        return self._wire.put(data)

    def close(self) -> None:
        """Tells the peer, and nothing more to the owner."""
        self._on_end = _ignore
        if self._task is None or self._task.done():
            return
        self._task.cancel()

    async def _run(self) -> None:
        try:
            reason = await self._handshake()
            if not reason:
                self._on_keys(self._keys())
                reason = await self._closed()
            self._on_end(reason)
        except Exception as error:
            # aiortc lets errors of OpenSSL through that a peer can bring about: they end this peer's leg and no other.
            log.warning("! DTLS", error=type(error).__name__)
            self._on_end(FAILED)
        finally:
            await self._transport.stop()

    async def _handshake(self) -> str:
        """The reason why there are no keys; empty when there are."""
        said = [RTCDtlsFingerprint(found.algorithm, found.value) for found in self._fingerprints]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await self._transport.start(RTCDtlsParameters(said))
        return "" if self._transport.state == "connected" else FAILED

    def _keys(self) -> Srtp:
        """Of the handshake (RFC 5764 section 4.2). aiortc's own sessions are not used, and take room."""
        transport = self._transport
        connection = cast(SSL.Connection, transport._ssl)
        suite = _PROFILES[connection.get_selected_srtp_profile()]
        material = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * suite.key_size)
        client, server = _divide(material, suite)
        transport._rx_srtp = transport._tx_srtp = None  # type: ignore[assignment]  # as before the handshake
        ours, theirs = (server, client) if transport._role == "server" else (client, server)
        return Srtp.from_keys(suite, ours, theirs)

    async def _closed(self) -> str:
        closed = asyncio.Event()
        self._transport.on("statechange", closed.set)
        if self._transport.state == "connected":
            await closed.wait()
        return CLOSED


class _Wire:
    """What stands under the DTLS transport instead of aiortc's ICE."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._write = send
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)

    def put(self, data: bytes) -> bool:
        try:
            self._waiting.put_nowait(data)
        except asyncio.QueueFull:
            return False
        return True

    async def _recv(self) -> bytes:
        return await self._waiting.get()

    async def _send(self, data: bytes) -> None:
        self._write(data)


def _divide(material: bytes, suite: Suite) -> tuple[Pii[bytes], Pii[bytes]]:
    """Master key and salt of the client, and of the server."""
    key, salt = suite.cipher_key_size, suite.salt_size
    keys, salts = material[: 2 * key], material[2 * key :]
    return Pii(keys[:key] + salts[:salt]), Pii(keys[key:] + salts[salt:])


def _ignore(reason: str) -> None:
    """The owner closed the association himself."""
