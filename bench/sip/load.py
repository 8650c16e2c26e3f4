"""Callers at a rate over UDP: INVITE, 200, ACK, and after a while BYE. What is lost is repeated (RFC 3261 §17.1)."""

import asyncio
import contextlib
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from bench.load.measure import Tell
from bench.sip.wire import Heard, Line, accept, read

T1, T2, TIMEOUT = 0.5, 4.0, 32.0
RECEIVE_BUFFER = 8 << 20
BATCH = 64
TELL_SECONDS = 0.25
Manner = Literal["whole", "half-open", "refused"]
"""whole: answered, acknowledged, ended by us. half-open: never acknowledged. refused: acknowledged with a status."""


@dataclass(frozen=True)
class DialogPlan:
    calls: int
    rate: float
    """New calls a second."""
    hold: float = 0.5
    """Seconds from the ACK to the BYE."""
    manner: Manner = "whole"


@dataclass
class Outcome:
    """What became of the calls. Times in seconds."""

    placed: int = 0
    answers: list[float] = field(default_factory=list)
    """INVITE to 200."""
    byes: list[float] = field(default_factory=list)
    """BYE to its 200."""
    done: int = 0
    without_audio: int = 0
    """Answers that named no port for sound."""
    failed: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    """Messages of ours that were sent again."""
    late: float = 0.0
    """How much later than planned a call was placed at worst: the load's own fault."""
    most_at_once: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Call:
    began: float
    request: bytes
    interval: float = T1
    timer: asyncio.TimerHandle | None = None
    ack: bytes = b""
    bye: bool = False


class DialogLoad:
    """`async with DialogLoad(line, tell) as load: outcome = await load.run(plan)`; may be run again."""

    def __init__(self, line: Line, tell: Tell = lambda what, share: None) -> None:
        self._line = line
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._calls: dict[str, _Call] = {}
        self._outcome = Outcome()
        self._plan = DialogPlan(0, 1.0)
        self._run = secrets.token_hex(4)
        self._idle = asyncio.Event()

    async def __aenter__(self) -> "DialogLoad":
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.bind((self._line.host, self._line.port))
        self._line = replace(self._line, port=self._socket.getsockname()[1])
        self._socket.connect(self._line.server)
        self._loop.add_reader(self._socket, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for call in self._calls.values():
            self._stop_timer(call)

    async def run(self, plan: DialogPlan) -> Outcome:
        """Until all calls are over, or have failed."""
        self._plan, self._outcome = plan, Outcome()
        self._run = secrets.token_hex(4)
        began, told = time.monotonic(), 0.0
        for number in range(plan.calls):
            due = began + number / plan.rate
            now = time.monotonic()
            if due > now:
                await asyncio.sleep(due - now)
                now = time.monotonic()
            self._outcome.late = max(self._outcome.late, now - due)
            self._place(f"{self._run}-{number:x}", now)
            if now - told >= TELL_SECONDS:
                told = now
                self._tell(self._state(), number / plan.calls)
        while self._calls:
            self._tell(self._state(), 1.0)
            self._idle.clear()
            await self._idle.wait()
        self._outcome.seconds = time.monotonic() - began
        return self._outcome

    def _state(self) -> str:
        return f"{len(self._calls)} calls up, {self._outcome.done} over, {self._outcome.failed.total()} failed"

    def _place(self, name: str, now: float) -> None:
        self._outcome.placed += 1
        call = self._calls[name] = _Call(now, self._line.invite(name))
        self._outcome.most_at_once = max(self._outcome.most_at_once, len(self._calls))
        self._send_until_answered(name, call)

    # Sending

    def _send_until_answered(self, name: str, call: _Call) -> None:
        self._send(call.request)
        call.timer = self._loop.call_later(call.interval, self._repeat, name, call)

    def _repeat(self, name: str, call: _Call) -> None:
        if time.monotonic() - call.began >= TIMEOUT:
            self._end(name, "BYE not answered" if call.bye else "INVITE not answered")
            return
        self._outcome.repeated += 1
        call.interval *= 2.0
        if call.bye:
            call.interval = min(call.interval, T2)
        self._send_until_answered(name, call)

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self._socket.send(data)  # what is not taken is lost, and repeated

    # Receiving

    def _read(self) -> None:
        for _ in range(BATCH):
            try:
                data = self._socket.recv(65536)
            except (BlockingIOError, ConnectionRefusedError):
                return
            heard = read(data)
            if heard is not None:
                self._take(heard, data)

    def _take(self, heard: Heard, data: bytes) -> None:
        call = self._calls.get(heard.call)
        if not heard.status:
            if heard.method == "BYE":
                self._send(accept(data))
                if call is not None:
                    self._end(heard.call, "" if self._plan.manner == "half-open" else "ended by the server")
        elif call is not None and heard.method == "INVITE":
            self._take_answer(heard, call)
        elif call is not None and heard.method == "BYE" and call.bye and heard.status >= 200:
            self._outcome.byes.append(time.monotonic() - call.began)
            self._end(heard.call, "" if heard.status == 200 else f"BYE got {heard.status}")

    def _take_answer(self, heard: Heard, call: _Call) -> None:
        self._stop_timer(call)
        if heard.status < 200:
            left = call.began + TIMEOUT - time.monotonic()
            call.timer = self._loop.call_later(left, self._end, heard.call, "no final answer")
            return
        if heard.status >= 300:
            self._send(self._line.ack_refusal(heard.call, heard.to))
            self._end(heard.call, "" if self._plan.manner == "refused" else f"INVITE got {heard.status}")
            return
        manner = _MANNERS[self._plan.manner]
        manner(self, heard, call)

    def _acknowledge(self, heard: Heard, call: _Call) -> None:
        if not call.ack:
            self._answered(heard, call)
            call.ack = self._line.ack(heard.call, heard.to, heard.target)
            self._loop.call_later(self._plan.hold, self._leave, heard)
        self._send(call.ack)

    def _leave_open(self, heard: Heard, call: _Call) -> None:
        """The server repeats its answer, gives up and says BYE."""
        if not call.ack:
            self._answered(heard, call)
            call.ack = b"never sent"

    def _answered_wrongly(self, heard: Heard, _: _Call) -> None:
        self._end(heard.call, "answered, though it should be refused")

    def _answered(self, heard: Heard, call: _Call) -> None:
        self._outcome.answers.append(time.monotonic() - call.began)
        self._outcome.without_audio += not heard.has_audio

    def _leave(self, heard: Heard) -> None:
        call = self._calls.get(heard.call)
        if call is not None:
            call.bye, call.began, call.interval = True, time.monotonic(), T1
            call.request = self._line.bye(heard.call, heard.to, heard.target)
            self._send_until_answered(heard.call, call)

    def _end(self, name: str, failure: str) -> None:
        call = self._calls.pop(name)
        self._stop_timer(call)
        if failure:
            self._outcome.failed[failure] += 1
        else:
            self._outcome.done += 1
        if not self._calls:
            self._idle.set()

    def _stop_timer(self, call: _Call) -> None:
        if call.timer is not None:
            call.timer.cancel()
            call.timer = None


_MANNERS: dict[Manner, Callable[[DialogLoad, Heard, _Call], None]] = {
    "whole": DialogLoad._acknowledge,
    "half-open": DialogLoad._leave_open,
    "refused": DialogLoad._answered_wrongly,
}
