"""The media of a softphone: ICE, DTLS and SRTP on one UDP port, Opus in both directions."""

import asyncio
import dataclasses
import time
from collections.abc import Callable
from functools import lru_cache

from bench.call.codecs import OPUS, Codec, Samples
from bench.call.errors import MediaError, PacketError
from bench.call.pacer import Pacer
from bench.call.ports import Address, Port, open_udp
from bench.call.receiver import Receiver
from bench.call.rtp import is_rtcp
from bench.call.sender import Sender
from bench.call.sounds import Silence, Tone
from bench.softphone.checks import Checks
from bench.softphone.description import EVENTS_TYPE, OPUS_TYPE, make_ice, read_answer, write_offer
from bench.softphone.dtls import Dtls, identity

LOOP_FRAMES = 50


class Replay:
    """An encoder that has encoded before: twenty softphones in one process must not cost twenty encoders."""

    def __init__(self, frames: tuple[bytes, ...]) -> None:
        self._frames = frames
        self._at = 0

    def encode(self, samples: Samples) -> bytes:
        self._at += 1
        return self._frames[self._at % len(self._frames)]


@lru_cache
def prepare(frequency: int) -> tuple[bytes, ...]:
    """One second of a tone as Opus frames; whole hertz, so that its end fits its beginning."""
    encoder, tone = OPUS.make_encoder(), Tone(frequency, OPUS.clock_rate)
    frames = [encoder.encode(tone.take(OPUS.frame)) for _ in range(2 * LOOP_FRAMES)]
    return tuple(frames[LOOP_FRAMES:])


def prepared(frequency: int) -> Codec:
    return dataclasses.replace(OPUS, make_encoder=lambda: Replay(prepare(frequency)))


class Peer:
    """`offer` goes out with contact.accept; `connect` takes the answer."""

    def __init__(self, host: str, frequency: int, on_failure: Callable[[MediaError], None]) -> None:
        self._port = Port(open_udp(host, 0), self._receive)
        self._on_failure = on_failure
        self._ice = make_ice()
        self._remote: Address | None = None
        self._checks: Checks | None = None
        self._dtls: Dtls | None = None
        self._repeat_at: float | None = None
        self._pacer = Pacer(self._frame)
        self._began = 0.0
        self._ended: float | None = None
        self.sender = Sender(prepared(frequency), OPUS_TYPE, EVENTS_TYPE, Silence())
        self.receiver = Receiver(OPUS)
        self.receiver.expect({OPUS_TYPE: OPUS}, frozenset((EVENTS_TYPE,)))
        self.up = asyncio.Event()
        """DTLS is done: sound can flow."""

    @property
    def offer(self) -> str:
        return write_offer(self._ice, identity().fingerprint)

    @property
    def heard(self) -> tuple[Samples, int]:
        """All that was heard since `connect`, and its rate."""
        end = time.monotonic() if self._ended is None else self._ended
        return self.receiver.heard(end - self._began), OPUS.clock_rate

    @property
    def remote(self) -> Address | None:
        """Where the server awaits our media, once it has said so."""
        return self._remote

    def inject(self, data: bytes) -> None:
        """Sends what a softphone would not, from where it sends."""
        self._send(data)

    @property
    def late_frames(self) -> int:
        return self._pacer.late

    def connect(self, answer: str) -> None:
        """Raises SdpError."""
        remote = read_answer(answer)
        self._remote = remote.address
        self._checks = Checks(self._ice, remote.ice)
        self._dtls = Dtls(remote.fingerprint)
        self._began = time.monotonic()
        self._pacer.start()

    def close(self) -> None:
        self._pacer.stop()
        self._ended = self._ended or time.monotonic()
        self._port.close()

    def _frame(self, number: int, late: bool) -> None:
        assert self._checks is not None and self._dtls is not None
        now = time.monotonic()
        check = self._checks.due(now)
        if check is not None:
            self._send(check)
        if self._dtls.cipher is None:
            self._repeat(self._dtls, now)
        elif late:
            self.sender.skip()
        else:
            for packet in self.sender.next_packets():
                self._send(self._dtls.cipher.protect(bytes(packet)))

    def _repeat(self, dtls: Dtls, now: float) -> None:
        """Flights of the handshake that got lost."""
        if self._repeat_at is not None and now >= self._repeat_at:
            dtls.repeat()
            self._flush(dtls)

    def _flush(self, dtls: Dtls) -> None:
        for record in dtls.take():
            self._send(record)
        timeout = dtls.get_timeout()
        self._repeat_at = None if timeout is None else time.monotonic() + timeout

    def _send(self, data: bytes) -> None:
        if self._remote is not None:
            self._port.send(data, self._remote)

    def _receive(self, data: bytes, source: Address, arrival: float) -> None:
        """First byte as in RFC 7983."""
        if self._checks is None or self._dtls is None or not data or source != self._remote:
            return
        if data[0] < 4:
            self._take_check(self._checks, self._dtls, data)
        elif 20 <= data[0] < 64:
            self._take_handshake(self._dtls, data)
        elif data[0] >= 128:
            self._take_sound(self._dtls, data, arrival)

    def _take_check(self, checks: Checks, dtls: Dtls, data: bytes) -> None:
        was_up = checks.passed
        if checks.receive(data) and not was_up:
            dtls.begin()
            self._flush(dtls)

    def _take_handshake(self, dtls: Dtls, data: bytes) -> None:
        try:
            dtls.receive(data)
        except MediaError as error:
            self._on_failure(error)
            return
        self._flush(dtls)
        if dtls.cipher is not None:
            self.up.set()

    def _take_sound(self, dtls: Dtls, data: bytes, arrival: float) -> None:
        if dtls.cipher is None:
            return
        try:
            if is_rtcp(data):
                self.receiver.receive_rtcp(dtls.cipher.unprotect_rtcp(data), self.sender.ssrc)
            else:
                self.receiver.receive_rtp(dtls.cipher.unprotect(data), arrival - self._began)
        except PacketError:
            self.receiver.discarded += 1
