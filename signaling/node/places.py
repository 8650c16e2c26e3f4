"""Where things lie in the data directory, and which commands the node's processes are. Pure."""

from pathlib import Path

from signaling.config import Config

SOCKET_LIMIT = 104
"""Bytes that a Unix socket's path may have on every system we know."""


class Places:
    """The data directory's layout."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.run = data / "run"
        """Sockets and what the running processes tell about themselves."""
        self.config = self.run / "config.json"
        self.keys = self.run / "keys.json"
        """Which key service the node has."""
        self.addresses = self.run / "addresses.json"
        """What is listened on, written by the control plane when it is ready."""
        self.keyring = data / "keys" / "keyring.json"
        self.tls = data / "tls"
        self.database = data / "telephonist.sqlite"
        self.prompts = data / "prompts"
        self.spool = data / "spool"
        self.store = data / "store"
        self.log = data / "log" / "telephonist.log"
        """What the processes log when the node runs in a terminal, whose reader wants to see other things."""
        self.demo = data / "demo.json"
        """The demo instance's sign-ins."""
        self.admin = self.run / "admin.sock"
        """Where the owner of the directory asks the control plane."""
        self.recorder_control = self.run / "recorder.sock"
        self.recorder_tap = self.run / "tap.sock"

    def worker(self, number: int) -> Path:
        return self.run / f"relay-{number}.sock"


def relay_command(config: Config, places: Places, number: int, workers: int) -> tuple[str, ...]:
    """The command of one relay worker: an equal, even-numbered share of the RTP ports, and a port for browser legs."""
    first, last = config.ports.rtp
    share = (last - first + 1) // workers & ~1
    start = first + (first & 1) + number * share
    ice = config.ports.ice + number if config.ports.ice else 0
    return (
        "-m", "relay", "--worker", str(number), "--control", str(places.worker(number)),
        "--tap", str(places.recorder_tap), "--address", config.server.address,
        "--rtp-ports", f"{start}-{min(last, start + share - 1)}", "--ice-port", str(ice),
        "--orphan-seconds", str(config.relay.orphan_seconds),
    )  # fmt: skip


def recorder_command(places: Places) -> tuple[str, ...]:
    return (
        "-m", "recorder", "--data", str(places.spool), "--control", str(places.recorder_control),
        "--tap", str(places.recorder_tap), "--keyring", str(places.keyring), "--store", str(places.store),
        "--keys", str(places.keys),
    )  # fmt: skip


def verifier_command(places: Places) -> tuple[str, ...]:
    """What holds recordings against what is known of them."""
    return (
        "-m", "recorder.keeping.verify", "--data", str(places.spool), "--keyring", str(places.keyring),
        "--store", str(places.store), "--keys", str(places.keys),
    )  # fmt: skip


def rewrapper_command(places: Places, running: bool) -> tuple[str, ...]:
    """What wraps the data keys of recordings anew."""
    live = ("--control", str(places.recorder_control)) if running else ()
    return (
        "-m", "recorder.keeping.rewrap", "--data", str(places.spool), "--keyring", str(places.keyring),
        "--store", str(places.store), "--keys", str(places.keys), *live,
    )  # fmt: skip


def signaling_command(places: Places, workers: int) -> tuple[str, ...]:
    return ("-m", "signaling", str(places.data), str(workers))
