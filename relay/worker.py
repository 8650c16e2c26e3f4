"""A relay worker: the one owner of its event loop. Commands come in, events go out, the tick and the taps run."""

import asyncio
import os
import signal
from typing import Any

import msgspec
import structlog

from ipc.messages import Event
from ipc.process import Heartbeat
from ipc.server import Server
from relay import api, tick
from relay.collector import Collector
from relay.settings import Settings
from relay.switchboard import Switchboard
from relay.tapping.outbox import Outbox
from relay.tapping.tap import TapBook
from relay.tapping.tap_link import TapLink
from relay.warming import warm_up

HOUSEKEEPING_TICKS = 20
LEG_TICKS = 50
"""Each leg is looked after once in so many."""
PAGE = os.sysconf("SC_PAGE_SIZE")
FLUSH_SECONDS = 2.0
"""How long a worker that stops waits for the recorder to acknowledge the last batches."""
log = structlog.get_logger()


class Worker:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._outbox = Outbox()
        self._taps = TapBook(self._outbox.add, self._outbox.add_packed)
        self._link = TapLink(settings.tap, self._outbox)
        self._server = Server(api.Commands, self._handle, self._clients_changed)
        self._board = Switchboard(settings.rtp_ports, self._taps, self._publish)
        self._unhurried: list[Event] = []
        """Events that wait for others, or for the next time that house is kept."""
        self._ticker = tick.Ticker(self._tick, self._beat, lambda: self._board.passes)
        self._loop_descriptor: int | None = None
        self._collector = Collector()
        self._stop = asyncio.Event()
        self._retiring = False
        self._orphan_timer: asyncio.TimerHandle | None = None

    async def run(self, stop: asyncio.Event, heartbeat: Heartbeat) -> None:
        """Works until `stop`, or until it has been told to retire and carries no leg any more.

        Raises OSError when a port or the control socket cannot be had."""
        self._stop = stop
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR2, self._retire)
        self._loop_descriptor = tick.descriptor_of(loop)
        self._board.listen(self._settings.address, self._settings.ice_port)
        await warm_up(self._settings.address, self._settings.rtp_ports)
        self._link.start()
        self._ticker.start()
        await self._server.start(self._settings.control)
        self._collector.begin()
        heartbeat.ready()
        log.info("= working")
        await stop.wait()
        await self._close()

    async def _close(self) -> None:
        await self._server.close()
        self._ticker.stop()
        self._board.close()
        self._link.flush(tick.now_ns())
        await self._link.close(FLUSH_SECONDS)
        log.info("x stopped")

    async def _handle(self, command: Any) -> msgspec.Struct:
        if isinstance(command, api.GetStatus):
            return self._status()
        return await self._board.handle(command)

    def _status(self) -> api.Status:
        used = os.times()
        return api.Status(
            worker=self._settings.worker,
            legs=self._board.legs,
            ticks=self._ticker.ticks,
            late_ticks=self._ticker.late,
            tap_dropped=self._outbox.dropped,
            cpu_seconds=used.user + used.system,
            draining=self._board.draining,
            lateness=tuple(self._ticker.lateness),
            lateness_seconds=self._ticker.lateness_seconds,
            lag_ms=round(self._ticker.lag_ms, 2),
            busy_seconds=self._ticker.busy_seconds,
            garbage_seconds=self._collector.seconds,
            memory_bytes=_resident(),
            rooms=self._board.rooms,
            taps=len(self._taps),
            ended=self._board.ended,
        )

    def _publish(self, event: Event) -> None:
        """Figures may wait a moment: to wake the control plane costs more than they do."""
        self._unhurried.append(event)
        if not isinstance(event, api.Quality):
            self._tell()

    def _tell(self) -> None:
        events, self._unhurried = self._unhurried, []
        if events:
            self._server.publish(*events)

    def _retire(self) -> None:
        """SIGUSR2: no new rooms; the last leg's end is the worker's, and whoever watches it starts another."""
        log.info("= retiring", legs=self._board.legs)
        self._retiring = self._board.draining = True

    def _tick(self, now_ns: int) -> None:
        try:
            self._board.tick(now_ns)
        finally:  # whatever befalls the sound, what was received goes to the recorder
            self._taps.tick(now_ns)
            self._link.tick(now_ns)
        self._board.look_after_legs(now_ns, self._ticker.ticks % LEG_TICKS, LEG_TICKS)
        if self._ticker.ticks % HOUSEKEEPING_TICKS == 0:
            self._board.keep_house(now_ns)
            self._tell()
            self._collector.keep(now_ns, self._board.legs, self._board.ended.legs)
            if self._retiring and self._board.legs == 0:
                self._stop.set()

    def _beat(self, until_ns: int) -> int:
        return self._board.beat(self._loop_descriptor, until_ns)

    def _clients_changed(self, clients: int) -> None:
        """Without a control plane nobody will end these calls: they end when it stays away."""
        if self._orphan_timer is not None:
            self._orphan_timer.cancel()
            self._orphan_timer = None
        if clients == 0:
            loop = asyncio.get_running_loop()
            self._orphan_timer = loop.call_later(self._settings.orphan_seconds, self._orphaned)

    def _orphaned(self) -> None:
        if self._board.legs:
            log.warning("x no control plane: legs dropped", legs=self._board.legs)
        self._board.drop_all()


def _resident() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * PAGE
