import subprocess
import sys
from pathlib import Path

import pytest

from relay.__main__ import parse_arguments
from relay.transport.udp import bind
from tests.relay.process import ROOT, worker

NEEDED = ["--worker", "3", "--control", "/c", "--tap", "/t"]


def test_defaults() -> None:
    settings = parse_arguments(NEEDED)
    assert (settings.worker, settings.control, settings.tap) == ("3", Path("/c"), Path("/t"))
    assert (settings.rtp_ports, settings.ice_port, settings.orphan_seconds) == ((20000, 20999), 0, 30.0)


async def test_a_worker_has_one_thread(tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        assert len(list(Path(f"/proc/{running.process.pid}/task").iterdir())) == 1


@pytest.mark.parametrize("ports", ["20000", "9-1", "1-70000", "a-b", "0-5", ""])
def test_a_port_range_has_two_rising_ends(ports: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments([*NEEDED, "--rtp-ports", ports])
    assert "FIRST-LAST" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        arguments = ["--worker", "1", "--control", str(tmp_path / "c"), "--tap", str(tmp_path / "t")]
        ended = subprocess.run(
            [sys.executable, "-m", "relay", *arguments, "--ice-port", str(port)],
            capture_output=True, text=True, timeout=20, check=False, cwd=ROOT,
        )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert str(port) in ended.stderr
