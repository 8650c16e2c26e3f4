"""`telephonist serve` as a newcomer meets it: first start, second start, stops, and starts that cannot be."""

import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from signaling.node.ready import SignIn
from tests.e2e.callers import customer
from tests.e2e.node import COMMAND, Node
from tests.e2e.plan import BOTH


def serve(*arguments: str, seconds: float = 20) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, "serve", *arguments], capture_output=True, text=True, timeout=seconds, check=False)


def assert_one_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2, result.stderr
    [line] = result.stderr.strip().splitlines()
    assert all(word in line for word in words), line


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = tmp_path / "t.toml"
        config.write_text(f"[ports]\nhttp = {port}\n")
        assert_one_line(serve("--config", str(config), "--data", str(tmp_path / "d")), str(port), "ports.http")


def test_bad_configuration_is_named(tmp_path: Path) -> None:
    config = tmp_path / "t.toml"
    config.write_text("[ports]\nhtpp = 1\n")
    assert_one_line(serve("--config", str(config), "--data", str(tmp_path / "d")), "htpp")
    assert_one_line(serve("--config", str(tmp_path / "none.toml")), "none.toml", "No such file")


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    config = tmp_path / "t.toml"
    config.write_text(
        "[ports]\nhttp = 0\nsoftphone = 0\nsip = 0\nsip_tls = 0\nice = 0\n"
        f'[tls]\ncertificate = "{tmp_path}/none.pem"\nkey = "{tmp_path}/none.key"\n'
    )
    assert_one_line(serve("--config", str(config), "--data", str(tmp_path / "d")), "none.pem", "No such file")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert_one_line(serve("--data", str(blocked / "data")), str(blocked), "--data")


def test_a_folder_in_use_is_named() -> None:
    with Node(rtp_ports=(20800, 20899)) as node:
        result = serve("--data", str(node.places.data))
        assert_one_line(result, "in use by another telephonist")


def test_the_demo_is_made_once_and_found_again(tmp_path: Path) -> None:
    config = tmp_path / "t.toml"
    config.write_text(
        "[ports]\nhttp = 0\nsoftphone = 0\nsip = 0\nsip_tls = 0\nice = 0\nrtp = [20900, 20999]\n[relay]\nworkers = 1\n"
    )
    outputs = []
    for _ in range(2):
        process = subprocess.Popen(
            [*COMMAND, "serve", "--config", str(config), "--data", str(tmp_path / "d")],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        lines = []
        for line in iter(process.stdout.readline, ""):
            lines.append(line)
            if "Ctrl-C stops" in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0
        outputs.append("".join(lines))
    demo = msgspec.json.decode((tmp_path / "d" / "demo.json").read_bytes(), type=list[SignIn])
    assert {"Agent", "Supervisor"} <= {sign_in.role for sign_in in demo}
    for output in outputs:
        assert "Telephonist is ready." in output
        assert all(sign_in.password in output for sign_in in demo)
        assert "telephonist call +15550100" in output


def test_a_terminal_shows_what_a_person_needs_and_the_log_goes_to_a_file(tmp_path: Path) -> None:
    config = tmp_path / "t.toml"
    config.write_text(
        "[ports]\nhttp = 0\nsoftphone = 0\nsip = 0\nsip_tls = 0\nice = 0\nrtp = [21300, 21399]\n[relay]\nworkers = 1\n"
    )
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "serve", "--config", str(config), "--data", str(tmp_path / "d")], stdout=end, stderr=end
    )
    os.close(end)
    shown = b""
    while b"Ctrl-C stops" not in shown:
        shown += os.read(terminal, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    os.close(terminal)
    log = tmp_path / "d" / "log" / "telephonist.log"
    assert b'{"' not in shown
    assert str(log).encode() in shown
    assert '"process":"relay-0"' in log.read_text()


@pytest.mark.parametrize("urgent", [False, True])
async def test_the_first_signal_waits_for_calls_and_the_second_does_not(urgent: bool) -> None:
    with Node(rtp_ports=(21000, 21099)) as node:
        async with customer(node, BOTH, 440.0) as caller:
            await caller.answered()
            await caller.wait(1.0)
            node.process.send_signal(signal.SIGINT)
            await caller.wait(1.0)
            assert node.process.poll() is None
            if urgent:
                node.process.send_signal(signal.SIGINT)
            else:
                caller.hang_up()
            await caller.ended()
        assert node.process.wait(20) == 0


def test_children_do_not_outlive_a_killed_supervisor() -> None:
    node = Node(rtp_ports=(21100, 21199))
    children = [node.pid("recorder"), node.pid("relay"), node.pid("signaling")]
    node.process.kill()
    node.process.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < deadline, "a child goes on without its supervisor"
        time.sleep(0.1)  # processes that are not ours tell nobody of their end
    node.remove()


def test_health_says_how_the_node_is() -> None:
    command = [sys.executable, "-m", "signaling.commands.cli", "health", "--data"]
    with Node(rtp_ports=(21200, 21299)) as node:
        node.process.send_signal(signal.SIGUSR1)  # its stacks are asked for, and it goes on
        well = subprocess.run([*command, str(node.places.data)], capture_output=True, text=True, check=False)
        assert (well.returncode, '"status": "ok"' in well.stdout) == (0, True), well.stdout
        data = str(node.places.data)
        assert node.stop() == 0
        assert "most recent call first" in node.log_text()
        gone = subprocess.run([*command, data], capture_output=True, text=True, check=False)
        assert gone.returncode == 1
