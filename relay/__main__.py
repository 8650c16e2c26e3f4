"""`python -m relay`: one worker of the media plane."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ipc.process import run
from relay.settings import Settings


def parse_arguments(arguments: Sequence[str] | None = None) -> Settings:
    parser = argparse.ArgumentParser(prog="relay", description=__doc__)
    parser.add_argument("--worker", required=True, help="the worker's name, for logs and reports")
    parser.add_argument("--control", required=True, type=Path, help="Unix socket to await commands on")
    parser.add_argument("--tap", required=True, type=Path, help="Unix socket of the recorder")
    parser.add_argument("--address", default="127.0.0.1", help="IP address to listen on")
    parser.add_argument("--rtp-ports", default="20000-20999", type=_port_range, metavar="FIRST-LAST")
    parser.add_argument("--ice-port", default=0, type=int, help="UDP port for browsers' media; 0 for any")
    parser.add_argument("--orphan-seconds", default=30.0, type=float, help="how long calls outlive the control plane")
    given = parser.parse_args(arguments)
    return Settings(
        worker=given.worker,
        control=given.control,
        tap=given.tap,
        address=given.address,
        ice_port=given.ice_port,
        rtp_ports=given.rtp_ports,
        orphan_seconds=given.orphan_seconds,
    )


def _port_range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and 0 < int(first) < int(last) <= 65535):
        raise argparse.ArgumentTypeError("wanted: FIRST-LAST, two ports in rising order")
    return int(first), int(last)


def main() -> None:
    settings = parse_arguments()
    # A worker is one core's: its matrices are small, and threads beside the loop only disturb the tick. numpy reads
    # this when it is imported, which the worker's modules do.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from relay.worker import Worker

    try:
        run(f"relay-{settings.worker}", Worker(settings).run)
    except OSError as error:  # nothing later in its life raises one
        sys.exit(f"relay: cannot listen on {settings.address} port {settings.ice_port} or {settings.control}: {error}")


if __name__ == "__main__":
    main()
