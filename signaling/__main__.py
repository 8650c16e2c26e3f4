"""The control plane's process: `python -m signaling DATA WORKERS`, started by `telephonist serve`."""

import asyncio
import signal
import sys
from pathlib import Path

import msgspec

from ipc.process import Heartbeat, run
from signaling.app import App
from signaling.config import Config
from signaling.errors import StartError
from signaling.node.garbage import settle
from signaling.node.places import Places

BAD_START = 2


def main(data: str, workers: str) -> None:
    places = Places(Path(data))
    config = msgspec.json.decode(places.config.read_bytes(), type=Config)

    async def body(stop: asyncio.Event, heartbeat: Heartbeat) -> None:
        urgent = _second_signal(stop)
        app = App(config, places, int(workers))
        await app.start()
        settle()
        heartbeat.ready()
        await stop.wait()
        await app.drain(urgent)
        await app.close()

    try:
        run("signaling", body, config.server.log_level)
    except StartError as error:
        sys.stderr.write(f"telephonist: {error}\n")
        sys.exit(BAD_START)


def _second_signal(stop: asyncio.Event) -> asyncio.Event:
    """Set by a signal that comes while we are stopping already."""
    urgent = asyncio.Event()

    def on_signal() -> None:
        (urgent if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return urgent


if __name__ == "__main__":
    main(*sys.argv[1:])
