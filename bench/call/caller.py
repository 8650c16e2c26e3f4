"""One caller: places a call, speaks, hears, reports.

    target = Target("127.0.0.1", 5060, "udp")
    async with Caller(CallerConfig(number="+4930123", target=target, sound=tone(440))) as caller:
        await caller.answered()
        await caller.wait(5.0)
    samples, rate = caller.heard

Many callers may share one event loop. All methods belong to that loop's thread.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from bench.call.codecs import Samples
from bench.call.errors import CallError, MediaError, NoAnswer, Rejected, Unreachable
from bench.call.line import Line
from bench.call.media import Agreement, Media
from bench.call.negotiation import ANY, Negotiation, Terms
from bench.call.outcome import Course, make_report
from bench.call.ports import Address
from bench.call.report import Report
from bench.call.sounds import Source, voice
from bench.call.wire import Target
from signaling.sip.events import CallAnswered, CallEnded, CallOffer, CallProgress, CallRinging, OfferAnswered, SipEvent

GOODBYE_SECONDS = 3.0
NOT_ACCEPTABLE_HERE = 488


@dataclass(frozen=True)
class CallerConfig:
    number: str
    target: Target
    terms: Terms = ANY
    sound: Callable[[int], Source] = voice
    """Makes what is said, given the sample rate."""
    caller: str = "+15550199"
    """Our number: the user part of From."""
    ring_seconds: float = 60.0
    """How long to wait for the answer."""
    local_host: str | None = None
    """Which of our addresses to call from; None: the one that the route to the server has."""
    late_offer: bool = False
    """INVITE without SDP: the server offers, our answer goes with the ACK."""
    media_from: str | None = None
    """Another address that the sound is sent from, not the one in our SDP."""


class Caller:
    def __init__(self, config: CallerConfig) -> None:
        self.config = config
        self._loop = asyncio.get_running_loop()
        self._line = Line(self, config.target, config.ring_seconds)
        self._media: Media | None = None
        self._negotiation: Negotiation | None = None
        self._course = Course()
        self._answered: asyncio.Future[None] = self._loop.create_future()
        self._ringing = asyncio.Event()
        self._ended = asyncio.Event()
        self.offer_answered = asyncio.Event()
        self.offers = 0
        """How often the peer has offered to change the session."""

    # The life of a call.

    async def __aenter__(self) -> "Caller":
        """Connects and sends INVITE. Raises Unreachable, MediaError, BadArgument."""
        try:
            self._media = Media(await self._line.open(self.config.local_host))
            self._negotiation = Negotiation(self.config.terms, self._media.address)
            offer = None if self.config.late_offer else self._negotiation.offer
            self._course.invited = time.monotonic()
            self._line.invite(self.config.number, self.config.caller, offer)
        except CallError as error:
            self._fail(error)
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hangs up and waits until the peer has agreed, at most 3 s."""
        self.hang_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._line.settled.wait()
        await self._close()

    async def ringing(self) -> None:
        """Returns at 180, or when there will be none."""
        await self._ringing.wait()

    async def answered(self) -> None:
        """Returns at 200. Raises Rejected, NoAnswer, Unreachable, MediaError."""
        await asyncio.shield(self._answered)

    async def ended(self) -> None:
        """Returns when the call is over, whoever ended it."""
        await self._ended.wait()

    async def wait(self, seconds: float) -> bool:
        """Lets the call go on. Returns whether it still does after that time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        return not self._ended.is_set()

    def hang_up(self) -> None:
        """BYE, or CANCEL while it rings."""
        if not self._ended.is_set():
            self._course.hung_up = True
            self._line.hang_up()

    # During the call.

    def offer(self) -> None:
        """Offers the same session again, by re-INVITE; `offer_answered` is set by the answer."""
        self._line.offer(self._terms.change("sendrecv"))

    def dial(self, digits: str) -> float:
        """Sends DTMF. Returns the seconds that it takes; 0 when the peer takes no telephone-events."""
        sender = self._media.sender if self._media else None
        seconds = sender.dial(digits) if sender else 0.0
        self._course.digits += digits if seconds else ""
        return seconds

    def mute(self, on: bool) -> None:
        """Sends silence in place of the sound."""
        if self._media is not None and self._media.sender is not None:
            self._media.sender.muted = on

    def send_from(self, host: str | None) -> None:
        """Sends the sound from another address of this machine; None: from the right one again."""
        if self._media is not None:
            self._media.send_from(host)

    @property
    def heard(self) -> tuple[Samples, int]:
        """All that was heard so far on the time line of the call, and the sample rate."""
        heard = self._media.heard() if self._media else None
        return heard or (np.zeros(0, np.int16), 8000)

    @property
    def remotes(self) -> tuple[Address, ...]:
        """Where the server awaits RTP and RTCP; nothing before its answer."""
        return self._media.remotes if self._media else ()

    @property
    def digits(self) -> str:
        """DTMF that the peer has sent."""
        receiver = self._media.receiver if self._media else None
        return receiver.digits.digits if receiver else ""

    @property
    def report(self) -> Report:
        """What the call came to, so far."""
        course = self._course
        course.final = self._line.final
        return make_report(self.config.number, self.config.target, course, self._media, time.monotonic())

    # What the line brings.

    def handle_event(self, event: SipEvent) -> None:
        match event:
            case CallRinging():
                self._course.ringing = self._course.ringing or time.monotonic()
                self._ringing.set()
            case CallProgress():
                self._negotiate(self._take_answer, event.sdp)
            case CallAnswered():
                self._course.answered = time.monotonic()
                self._negotiate(self._take_final, event.sdp)
            case CallOffer():
                self._take_offer(event.sdp)
            case OfferAnswered():
                self._negotiate(self._take_answer, event.sdp)
                self.offer_answered.set()
            case CallEnded():
                self._end(event)

    def handle_loss(self, reason: str) -> None:
        self._fail(Unreachable(f"lost {self.config.target}: {reason}; is the server running, is --server right?"))
        self._finish()

    def _take_final(self, sdp: str) -> None:
        if self.config.late_offer:
            answer, agreement = self._terms.answer(sdp)
            self._use(agreement)
            self._line.accept_offer(answer)
        else:
            self._take_answer(sdp)
        if not self._answered.done():
            self._answered.set_result(None)

    def _take_answer(self, sdp: str) -> None:
        self._use(self._terms.accept_answer(sdp))

    def _take_offer(self, sdp: str | None) -> None:
        self.offers += 1
        if sdp is None:
            self._line.accept_offer(self._terms.change("sendrecv"))
            return
        try:
            answer, agreement = self._terms.answer(sdp)
        except MediaError:
            self._line.reject_offer(NOT_ACCEPTABLE_HERE)
            return
        self._use(agreement)
        self._line.accept_offer(answer)

    def _negotiate(self, take: Callable[[str], None], sdp: str | None) -> None:
        """Media that we cannot use ends the call, and its reason is kept."""
        try:
            take(sdp or "")
        except MediaError as error:
            self._fail(error)
            self.hang_up()

    def _use(self, agreement: Agreement) -> None:
        assert self._media is not None, "events come after the INVITE"
        if self._media.sender is None:
            self._media.start(agreement, self.config.sound(agreement.codec.rate))
            self._media.send_from(self.config.media_from)
        else:
            self._media.change(agreement)

    @property
    def _terms(self) -> Negotiation:
        assert self._negotiation is not None, "events come after the INVITE"
        return self._negotiation

    # The end.

    def _end(self, event: CallEnded) -> None:
        if self._course.answered is None and not self._course.hung_up:
            self._fail(self._explain(event))
        self._finish()

    def _explain(self, event: CallEnded) -> CallError:
        where = self.config.target
        if event.cause == "lost" or (event.cause == "timeout" and self._line.final is None and not self._line.heard):
            return Unreachable(f"{where} does not answer: is the server running, is --server right?")
        if event.cause == "timeout":
            return NoAnswer(f"nobody answered within {self.config.ring_seconds:g} s: try a longer --ring")
        status, reason = self._line.final or (event.status, "")
        return Rejected(f"{where} refused the call: {status} {reason}{advice(status)}", status, reason)

    def _fail(self, error: CallError) -> None:
        """The first failure is the reason; what follows from it is not."""
        if self._course.failure is None:
            self._course.failure = error
            if not self._answered.done():
                self._answered.set_exception(error)
                # A caller that nobody waits for is no fault of the program.
                self._answered.exception()

    def _finish(self) -> None:
        if not self._ended.is_set():
            self._course.ended = time.monotonic()
            if self._media is not None:
                self._media.stop()
            self._ringing.set()
            self._ended.set()

    async def _close(self) -> None:
        self._finish()
        await self._line.close()
        if not self._answered.done():
            self._answered.cancel()


_ADVICE = {
    401: "this caller has no password: let the server know its address as a trunk",
    403: "the server does not know this address as a trunk",
    404: "the server does not have this number",
    407: "this caller has no password: let the server know its address as a trunk",
    480: "nobody is there now",
    486: "busy",
    488: "try another --codec or --srtp",
    503: "the server is starting, draining or full: try again",
}


def advice(status: int) -> str:
    """What a person may do about a final status; empty where nothing fits."""
    return f"; {_ADVICE[status]}" if status in _ADVICE else ""
