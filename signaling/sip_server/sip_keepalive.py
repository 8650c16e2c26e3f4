"""Keep-alives on the connections that we open (RFC 5626 §3.5.1, §4.4.1): routers forget quiet ones without a word."""

import asyncio
import random

import structlog

from signaling.sip.messages.framing import PING

log = structlog.get_logger()


class KeepAlive:
    """Pings with two line ends. A peer that has answered such a ping and does not answer another one is gone; one that
    never did may not know RFC 5626, and is left to TCP."""

    def __init__(self, transport: asyncio.Transport, interval: float, patience: float) -> None:
        """`interval`: seconds between pings, at most; `patience`: for the answer."""
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._interval = interval
        self._patience = patience
        self._answers = self._awaits = False
        self._timer = self._later()

    def heard(self, data: bytes) -> None:
        """Whatever comes shows that the peer is there."""
        if self._awaits and data:
            self._answers = self._answers or not data.strip(b"\r\n")
            self._awaits = False

    def stop(self) -> None:
        self._timer.cancel()

    def _later(self) -> asyncio.TimerHandle:
        # §4.4.1: not all at once.
        return self._loop.call_later(self._interval * random.uniform(0.8, 1.0), self._ping)

    def _ping(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(PING)
            self._awaits = True
            self._timer = self._loop.call_later(self._patience, self._judge)

    def _judge(self) -> None:
        if self._awaits and self._answers:
            log.warning("x connection does not answer any more")
            self._transport.abort()
        else:
            self._timer = self._later()
