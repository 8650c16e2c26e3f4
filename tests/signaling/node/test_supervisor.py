"""Real children: short Python programs that beat, fall silent, or die."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from signaling.node.supervisor import Child, GaveUp, Supervisor

BEATING = (
    "import os, sys, time, signal\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    "fd = int(os.environ['TELEPHONIST_HEARTBEAT_FD'])\n"
    "os.write(fd, b'R')\n"
    "while True:\n    time.sleep(0.5)\n    os.write(fd, b'.')\n"
)
SILENT_ONCE = (
    "import os, sys, time, signal, pathlib\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    "signal.signal(signal.SIGUSR1, lambda *_: pathlib.Path(sys.argv[1], 'dumped').touch())\n"
    "fd = int(os.environ['TELEPHONIST_HEARTBEAT_FD'])\n"
    "os.write(fd, b'R')\n"
    "first = not pathlib.Path(sys.argv[1], 'first').exists()\n"
    "pathlib.Path(sys.argv[1], 'first').touch()\n"
    "while True:\n    time.sleep(0.5)\n    first or os.write(fd, b'.')\n"
)

SLOW_TO_END = (
    "import os, sys, time, signal, pathlib\n"
    "def end(*_):\n"
    "    while not pathlib.Path(sys.argv[1], 'over').exists(): time.sleep(0.02)\n"
    "    sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "fd = int(os.environ['TELEPHONIST_HEARTBEAT_FD'])\n"
    "os.write(fd, b'R')\n"
    "while True:\n    time.sleep(0.5)\n"
)
DYING = "import os\nos.write(int(os.environ['TELEPHONIST_HEARTBEAT_FD']), b'R')\nraise SystemExit(1)"


class Node:
    def __init__(self, *children: Child) -> None:
        self.ready: asyncio.Queue[str] = asyncio.Queue()
        self.supervisor = Supervisor(children, self.ready.put_nowait)
        self.stop = asyncio.Event()
        self.running = asyncio.ensure_future(self.supervisor.run(self.stop))

    async def next_ready(self) -> str:
        async with asyncio.timeout(20):
            return await self.ready.get()

    async def end(self) -> None:
        self.stop.set()
        await self.running


async def test_a_killed_child_is_replaced_and_the_other_left_alone() -> None:
    node = Node(Child("a", ("-c", BEATING)), Child("b", ("-c", BEATING)))
    assert {await node.next_ready(), await node.next_ready()} == {"a", "b"}
    first, other = node.supervisor.pid("a"), node.supervisor.pid("b")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert await node.next_ready() == "a"
    assert node.supervisor.pid("a") != first
    assert node.supervisor.pid("b") == other
    await node.end()
    assert other is not None
    with pytest.raises(ProcessLookupError):
        os.kill(other, 0)


async def test_a_silent_child_dumps_its_stacks_and_is_replaced(tmp_path: Path) -> None:
    node = Node(Child("a", ("-c", SILENT_ONCE, str(tmp_path))))
    assert await node.next_ready() == "a"
    assert await node.next_ready() == "a"
    assert (tmp_path / "dumped").exists()
    await node.end()


async def test_a_child_that_cannot_start_ends_the_node() -> None:
    node = Node(Child("b", ("-c", BEATING)), Child("a", ("-c", "raise SystemExit(2)")))
    with pytest.raises(GaveUp, match="a ended with status 2"):
        async with asyncio.timeout(20):
            await node.running


async def test_who_dies_while_another_drains_is_replaced_until_its_own_turn(tmp_path: Path) -> None:
    node = Node(Child("a", ("-c", BEATING)), Child("b", ("-c", SLOW_TO_END, str(tmp_path))))
    assert {await node.next_ready(), await node.next_ready()} == {"a", "b"}
    node.stop.set()
    first = node.supervisor.pid("a")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert await node.next_ready() == "a"
    (tmp_path / "over").touch()
    async with asyncio.timeout(20):
        await node.running
    last = node.supervisor.pid("a")
    assert last is not None and last != first
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)


async def test_a_child_that_waits_to_be_started_anew_is_not_started_by_a_stop() -> None:
    node = Node(Child("a", ("-c", DYING)))
    for _ in range(3):
        assert await node.next_ready() == "a"
    async with asyncio.timeout(5):
        await node.end()
    assert node.ready.empty()


HOLDING = (
    "import os, sys, signal, socket, pathlib\n"
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    "held = socket.socket(fileno=int(os.environ['TELEPHONIST_SOCKET_SIP']))\n"
    "fd = int(os.environ['TELEPHONIST_HEARTBEAT_FD'])\n"
    "os.write(fd, b'R')\n"
    "held.settimeout(0.2)\n"
    "while True:\n"
    "    os.write(fd, b'.')\n"
    "    try: pathlib.Path(sys.argv[1], str(os.getpid())).write_bytes(held.recv(100))\n"
    "    except TimeoutError: pass\n"
)


async def test_each_run_of_a_child_gets_the_socket_with_what_waits_in_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held, socket.socket(type=socket.SOCK_DGRAM) as peer:
        held.bind(("127.0.0.1", 0))
        node = Node(Child("a", ("-c", HOLDING, str(tmp_path)), {"SIP": held.fileno()}))
        await node.next_ready()
        first = node.supervisor.pid("a")
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        peer.sendto(b"while nobody read", held.getsockname())
        os.kill(first, signal.SIGKILL)
        await node.next_ready()
        second = tmp_path / str(node.supervisor.pid("a"))
        async with asyncio.timeout(10):
            while not (second.exists() and second.read_bytes()):
                await asyncio.sleep(0.02)  # a file has no event
        assert second.read_bytes() == b"while nobody read"
        await node.end()
