"""`telephonist serve`: prepares the data directory, starts and watches the node's processes, says where everything
is."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from ipc.process import configure_logs, dump_stacks_on_signal
from signaling.config import Config
from signaling.errors import FolderError, StartError
from signaling.node.folder import prepare
from signaling.node.places import Places, recorder_command, relay_command, signaling_command
from signaling.node.ports import check_ports
from signaling.node.reachable import with_public_address
from signaling.node.ready import Addresses, SignIn, banner
from signaling.node.supervisor import Child, GaveUp, Supervisor
from signaling.node.tls import server_context
from signaling.sip_server.datagrams import SIP_SOCKET, bind_sip

CONTROL = "signaling"


def serve_node(config: Config, data: Path) -> int:
    """Runs until it is stopped; the exit status. Raises StartError."""
    places = Places(data)
    config = with_public_address(config)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the keyring in clear
    with prepare(places, config.keys), contextlib.ExitStack() as held:
        workers = config.relay.workers or os.cpu_count() or 1
        check_ports(config, workers)
        if config.tls.certificate:
            server_context(Path(config.tls.certificate), Path(config.tls.key))
        sip = held.enter_context(contextlib.closing(bind_sip(config)))
        places.addresses.unlink(missing_ok=True)
        places.config.write_bytes(msgspec.json.encode(config))
        places.keys.write_bytes(msgspec.json.encode(config.keys))
        return asyncio.run(_serve(config, places, workers, sip.fileno()))


def _log_file(places: Places) -> BinaryIO | None:
    """Where to log when standard error is a terminal. Raises FolderError."""
    if not sys.stderr.isatty():
        return None
    try:
        places.log.parent.mkdir(exist_ok=True, mode=0o700)
        return places.log.open("ab")
    except OSError as error:
        raise FolderError(f"cannot write {places.log}: {error.strerror}; choose another folder with --data") from None


async def _serve(config: Config, places: Places, workers: int, sip: int) -> int:
    """`sip`: the socket for SIP over UDP."""
    log = _log_file(places)
    configure_logs("supervisor", config.server.log_level, log)
    dump_stacks_on_signal(log)
    children = [
        Child("recorder", recorder_command(places)),
        *(Child(f"relay-{number}", relay_command(config, places, number, workers)) for number in range(workers)),
        Child(CONTROL, signaling_command(places, workers), {SIP_SOCKET: sip}),
    ]
    stop = asyncio.Event()
    shown = asyncio.Event()

    def on_ready(name: str) -> None:
        if name == CONTROL and not shown.is_set():
            shown.set()
            click.echo(_banner(places, log is not None))

    supervisor = Supervisor(children, on_ready, log)

    def on_signal() -> None:
        if stop.is_set():
            supervisor.hurry()
        else:
            click.echo("\nNo new calls are taken; waiting for those that go on. Ctrl-C again stops at once.")
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        await supervisor.run(stop)
    except GaveUp as error:
        raise StartError(f"{error}: see {places.log if log is not None else 'the line above'}") from None
    return 0


def _banner(places: Places, logged: bool) -> str:
    addresses = msgspec.json.decode(places.addresses.read_bytes(), type=Addresses)
    sign_ins = msgspec.json.decode(places.demo.read_bytes(), type=tuple[SignIn, ...]) if places.demo.exists() else ()
    return banner(addresses, sign_ins, str(places.log) if logged else "")
