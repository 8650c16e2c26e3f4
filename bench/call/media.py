"""The sound of one call: packets every 20 ms on absolute deadlines, and all that comes back."""

import time
from dataclasses import dataclass

from bench.call.codecs import Codec, Samples
from bench.call.errors import PacketError
from bench.call.pacer import Pacer
from bench.call.ports import Address, Port, open_pair, open_udp
from bench.call.receiver import Receiver
from bench.call.rtcp import goodbye, sender_report
from bench.call.rtp import is_rtcp
from bench.call.sender import Sender
from bench.call.sounds import Source
from bench.call.srtp import Cipher

FIRST_REPORT = 50
REPORT_EVERY = 250
"""In frames: 5 s (RFC 3550 §6.2)."""


@dataclass(frozen=True)
class Agreement:
    """What the two descriptions of a session come to."""

    codec: Codec
    payload_type: int
    """In both directions: an answer keeps the offer's numbers (RFC 3264 §6.1)."""
    events: int | None
    remote: Address
    remote_rtcp: Address
    cipher: Cipher | None = None
    sends: bool = True


class Media:
    """One call's media; made before the offer, since the offer names its port."""

    def __init__(self, host: str) -> None:
        rtp, rtcp = open_pair(host)
        self._rtp = Port(rtp, self._receive)
        self._rtcp = Port(rtcp, self._receive)
        self._stray: Port | None = None
        self._pacer = Pacer(self._frame)
        self._agreement: Agreement | None = None
        self._began = 0.0
        self._ended: float | None = None
        self.sender: Sender | None = None
        self.receiver: Receiver | None = None

    @property
    def late_frames(self) -> int:
        """Frames that were not sent because this process had no time."""
        return self._pacer.late

    @property
    def address(self) -> Address:
        return self._rtp.address

    @property
    def is_encrypted(self) -> bool:
        return self._agreement is not None and self._agreement.cipher is not None

    @property
    def elapsed(self) -> float:
        """Seconds on the time line."""
        if self.sender is None:
            return 0.0
        return (time.monotonic() if self._ended is None else self._ended) - self._began

    def start(self, agreement: Agreement, source: Source) -> None:
        """The time line begins now."""
        self.sender = Sender(agreement.codec, agreement.payload_type, agreement.events, source)
        self.receiver = Receiver(agreement.codec)
        self._began = time.monotonic()
        self.change(agreement)
        self._pacer.start()

    def change(self, agreement: Agreement) -> None:
        """Another address, key or direction from now on; the codec stays."""
        self._agreement = agreement
        if self.receiver is not None:
            events = frozenset() if agreement.events is None else frozenset((agreement.events,))
            self.receiver.expect({agreement.payload_type: agreement.codec}, events)

    def send_from(self, host: str | None) -> None:
        """Sends from another address than the one in our SDP; None: from the right one again."""
        if self._stray is not None:
            self._stray.close()
        self._stray = None if host is None else Port(open_udp(host, 0), self._receive)

    @property
    def remotes(self) -> tuple[Address, ...]:
        """Where the peer awaits RTP and RTCP; nothing before it has said so."""
        return () if self._agreement is None else (self._agreement.remote, self._agreement.remote_rtcp)

    def heard(self) -> tuple[Samples, int] | None:
        """The time line so far and its rate; None before it began."""
        if self.receiver is None:
            return None
        return self.receiver.heard(self.elapsed), self.receiver.codec.rate

    def stop(self) -> None:
        """Ends the time line and closes the ports."""
        if self._ended is None:
            self._ended = time.monotonic()
        self._pacer.stop()
        if self.sender is not None and self._agreement is not None:
            self._send_rtcp(goodbye(self.sender.ssrc), self._agreement)
        for port in (self._rtp, self._rtcp, self._stray):
            if port is not None:
                port.close()

    def _frame(self, number: int, late: bool) -> None:
        agreement, sender = self._agreement, self.sender
        assert agreement is not None and sender is not None
        if late or not agreement.sends:
            sender.skip()
            return
        port = self._stray or self._rtp
        for packet in sender.next_packets():
            data = bytes(packet)
            port.send(agreement.cipher.protect(data) if agreement.cipher else data, agreement.remote)
        if number % REPORT_EVERY == FIRST_REPORT:
            self._report(agreement, sender)

    def _report(self, agreement: Agreement, sender: Sender) -> None:
        blocks = self.receiver.reception.report_blocks() if self.receiver else ()
        name = f"{sender.ssrc:08x}@telephonist.invalid"
        self._send_rtcp(sender_report(sender.ssrc, sender.info(time.time()), blocks, name), agreement)

    def _send_rtcp(self, data: bytes, agreement: Agreement) -> None:
        multiplexed = agreement.remote_rtcp == agreement.remote
        port = self._rtp if multiplexed else self._rtcp
        port.send(agreement.cipher.protect_rtcp(data) if agreement.cipher else data, agreement.remote_rtcp)

    def _receive(self, data: bytes, peer: Address, arrival: float) -> None:
        agreement, receiver, sender = self._agreement, self.receiver, self.sender
        if agreement is None or receiver is None or sender is None:
            return
        cipher = agreement.cipher
        try:
            if is_rtcp(data):
                receiver.receive_rtcp(cipher.unprotect_rtcp(data) if cipher else data, sender.ssrc)
            else:
                receiver.receive_rtp(cipher.unprotect(data) if cipher else data, arrival - self._began)
        except PacketError:
            receiver.discarded += 1
