"""A real node for the tests: `telephonist serve` as a process of its own, with a data directory of its own."""

import asyncio
import atexit
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from signaling.commands.health import ask_health
from signaling.node.places import Places
from signaling.node.ready import Addresses
from tests.e2e.plan import LANE, instance

START_SECONDS = 40.0
STOP_SECONDS = 30.0
COMMAND = (sys.executable, "-m", "signaling.commands.cli")


@functools.cache
def _applied(document: bytes) -> Path:
    """The data directory of a node that was told this instance. It is made once a process: to hash all passwords takes
    as long as a node's start."""
    folder = Path(tempfile.mkdtemp(prefix="tp-"))
    atexit.register(shutil.rmtree, folder)
    path = folder / "instance.json"
    path.write_bytes(document)
    data = folder / "data"
    subprocess.run([*COMMAND, "apply", str(path), "--data", str(data)], check=True, capture_output=True)
    return data


class Node:
    """Started by the constructor; `stop` ends it and removes its data. `rtp_ports`: LANE is added to them; `address`:
    its own, and that of its trunks; `more`: more lines of its configuration; `trunks`: more of its instance."""

    def __init__(
        self,
        rtp_ports: tuple[int, int],
        workers: int = 1,
        orphan_seconds: float = 30.0,
        address: str = "127.0.0.1",
        more: str = "",
        trunks: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tp-"))
        self.places = Places(self.folder / "data")
        self.temporary = self.folder / "temporary"
        self.temporary.mkdir()
        self.log = self.folder / "log"
        config = self.folder / "telephonist.toml"
        config.write_text(
            f'[server]\naddress = "{address}"\n'
            "[ports]\nhttp = 0\nsoftphone = 0\nsip = 0\nsip_tls = 0\nice = 0\n"
            f"rtp = {[LANE + port for port in rtp_ports]}\n"
            f"[relay]\nworkers = {workers}\norphan_seconds = {orphan_seconds}\n{more}"
        )
        document = instance(address)
        applied = _applied(msgspec.json.encode(document | {"trunks": [*document["trunks"], *trunks]}))
        shutil.copytree(applied, self.places.data)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--config", str(config), "--data", str(self.places.data)],
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                env=os.environ | {"TMPDIR": str(self.temporary)},
            )
        self.addresses = self._wait_until_ready()

    async def ready_again(self) -> None:
        """Until a control plane that was killed answers again, at its new addresses."""
        async with asyncio.timeout(START_SECONDS):
            while True:
                well, _ = await ask_health(self.places)
                if well:
                    break
                await asyncio.sleep(0.1)  # nobody tells us
        self.addresses = msgspec.json.decode(self.places.addresses.read_bytes(), type=Addresses)

    def run(self, *words: str) -> int:
        """A command of `telephonist` on this node's data; its exit status."""
        with self.log.open("ab") as log:
            return subprocess.call([*COMMAND, *words, "--data", str(self.places.data)], stdout=log, stderr=log)

    def _wait_until_ready(self) -> Addresses:
        deadline = time.monotonic() + START_SECONDS
        while b"Telephonist is ready." not in self.log.read_bytes():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the node did not start:\n{self.log.read_text()}")
            time.sleep(0.05)  # a log file has no event to wait for
        return msgspec.json.decode(self.places.addresses.read_bytes(), type=Addresses)

    @property
    def console(self) -> str:
        return f"https://{self.addresses.host}:{self.addresses.http}/"

    def pid(self, *words: str) -> int:
        """The process among the node's children whose command line has these words."""
        return next(pid for pid, command in self._children() if all(word in command for word in words))

    def kill(self, *words: str) -> int:
        """Kills that child with SIGKILL; its process id."""
        pid = self.pid(*words)
        os.kill(pid, signal.SIGKILL)
        return pid

    def _children(self) -> Iterator[tuple[int, list[str]]]:
        listing = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        for pid in map(int, listing.split()):
            yield pid, Path(f"/proc/{pid}/cmdline").read_text().split("\0")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Drains and ends the node; its exit status. Its data stays until `remove`."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def remove(self) -> None:
        shutil.rmtree(self.folder)

    def files(self, *folders: Path) -> list[Path]:
        return [path for folder in folders for path in folder.rglob("*") if path.is_file()]

    def log_text(self) -> str:
        return self.log.read_text()

    def __enter__(self) -> "Node":
        return self

    def __exit__(self, *_: Any) -> None:
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.remove()
