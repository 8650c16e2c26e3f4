"""The recorder process: `python -m recorder --data DIR --control PATH --tap PATH --keyring FILE [--store DIR]`."""

import argparse
import asyncio
import contextlib
import os
from pathlib import Path

import structlog

from ipc import process
from ipc.faults import told
from ipc.process import Heartbeat
from ipc.server import Server
from recorder import api
from recorder.delivery.places import Places
from recorder.keeping import durable
from recorder.keeping.keys import RecordingKeys
from recorder.service import Recorder
from recorder.spooling.folder_lock import FolderLock
from recorder.spooling.intake import Intake
from recorder.spooling.space import Space, SpaceWatch
from recorder.spooling.spool import Spool
from vault.services import open_kms, read_keys

log = structlog.get_logger()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="recorder", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="where the spool is")
    parser.add_argument("--control", type=Path, required=True, help="the control plane's Unix socket")
    parser.add_argument("--tap", type=Path, required=True, help="the relay workers' Unix socket")
    parser.add_argument("--keyring", type=Path, required=True)
    parser.add_argument("--keys", type=Path, help="which key service there is; the keyring alone without it")
    parser.add_argument("--store", type=Path, help="the directory store; DATA/objects without it")
    return parser.parse_args()


async def serve(arguments: argparse.Namespace, stop: asyncio.Event, heartbeat: Heartbeat) -> None:
    """Until `stop`, once nobody else has the data folder."""
    durable.make_folder(arguments.data)
    with contextlib.closing(FolderLock(arguments.data)) as lock:
        if await lock.take(stop):
            await _serve(arguments, stop, heartbeat)


async def _serve(arguments: argparse.Namespace, stop: asyncio.Event, heartbeat: Heartbeat) -> None:
    """Finds what is there, then takes taps and commands until `stop`."""
    kms = open_kms(read_keys(arguments.keys), arguments.keyring)
    keys = RecordingKeys(kms)
    places = Places.open(arguments.data, arguments.store)

    def tell(level: api.Level, found: Space) -> None:
        server.publish(_told(level, found))
        server.publish(intake.counters.told())

    space = SpaceWatch(arguments.data, tell)
    spool = Spool(space.check)
    recorder = Recorder(arguments.data, keys, places, spool, lambda event: server.publish(event))
    recorder.get_space = lambda: _told(space.level, space.space).space
    server = Server(api.Commands, recorder.handle, recorder.count_clients)
    intake = Intake(spool, recorder)
    recorder.on_started(intake.started)
    writing = asyncio.create_task(spool.run())
    writing.add_done_callback(lambda task: _stopped_writing(task, stop))
    space.look()
    await recorder.resume()
    recorder.delivery.start()
    await intake.start(arguments.tap)
    await server.start(arguments.control)
    heartbeat.ready()
    watching = asyncio.create_task(space.run())
    await stop.wait()
    watching.cancel()
    await intake.close()
    await server.close()
    await recorder.close()
    await places.close()
    await kms.close()
    writing.cancel()
    await spool.shut()


def _stopped_writing(task: "asyncio.Task[None]", stop: asyncio.Event) -> None:
    """Without it nothing is kept: better a new process."""
    if not task.cancelled() and (error := task.exception()) is not None:
        first = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
        log.error("! spool stopped", **told(first))
    stop.set()


def _told(level: api.Level, found: Space) -> api.SpaceChanged:
    return api.SpaceChanged(api.SpaceStatus(level, found.free, found.total))


def main() -> None:
    arguments = _arguments()
    os.umask(0o077)
    process.run("recorder", lambda stop, heartbeat: serve(arguments, stop, heartbeat))


if __name__ == "__main__":
    main()
