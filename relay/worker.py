"""A relay worker: the one owner of its event loop. Commands come in, events go out, the tick and the taps run."""

import asyncio
import gc
import os
from typing import Any

import msgspec
import structlog

from ipc.process import Heartbeat
from ipc.server import Server
from relay import api, tick
from relay.settings import Settings
from relay.switchboard import Switchboard
from relay.tap import Outbox, TapBook
from relay.tap_link import TapLink

HOUSEKEEPING_TICKS = 10
FLUSH_SECONDS = 2.0
"""How long a worker that stops waits for the recorder to acknowledge the last batches."""
log = structlog.get_logger()


class Worker:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._outbox = Outbox()
        self._taps = TapBook(self._outbox.add)
        self._link = TapLink(settings.tap, self._outbox)
        self._server = Server(api.Commands, self._handle, self._clients_changed)
        self._board = Switchboard(settings.rtp_ports, self._taps, self._server.publish)
        self._ticker = tick.Ticker(self._tick)
        self._orphan_timer: asyncio.TimerHandle | None = None

    async def run(self, stop: asyncio.Event, heartbeat: Heartbeat) -> None:
        """Works until `stop`. Raises OSError when a port or the control socket cannot be had."""
        self._board.listen(self._settings.address, self._settings.ice_port)
        self._link.start()
        self._ticker.start()
        await self._server.start(self._settings.control)
        gc.collect()
        gc.freeze()  # what lives as long as the worker is not looked at again
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
        )

    def _tick(self, now_ns: int) -> None:
        try:
            self._board.tick(now_ns)
        finally:  # whatever befalls the sound, what was received goes to the recorder
            self._taps.tick(now_ns)
            self._link.flush(now_ns)
        if self._ticker.ticks % HOUSEKEEPING_TICKS == 0:
            self._board.keep_house(now_ns)

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
