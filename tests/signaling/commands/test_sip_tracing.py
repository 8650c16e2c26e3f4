"""`telephonist sip trace` against a node's socket and its store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from signaling.commands.admin_socket import AdminSocket
from signaling.commands.cli import main
from signaling.commands.sip_tracing import follow, going, trace
from signaling.commands.upkeep import opened
from signaling.errors import FolderError
from signaling.node.folder import prepare
from signaling.node.places import Places
from tests.signaling.sip_server.test_sip_history import Scene
from tests.signaling.store.samples import ACME, a_directory


class Node:
    """The part of a control plane that is asked."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.scene = Scene()
        self.socket = AdminSocket(self.scene.history)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    made = Node(Places(tmp_path / "data"))
    with prepare(made.places):
        async with opened(made.places) as store:
            await store.save_directory(a_directory(ACME))
        await made.socket.start(made.places.admin)
        yield made
        await made.socket.close()


def arrows(lines: list[str] | None) -> list[str]:
    return [line.split()[4] for line in lines or () if "--" in line]


async def test_the_ladder_of_a_call_that_goes_on(node: Node) -> None:
    assert await going(node.places) == []
    node.scene.begin("a", "c-1")
    assert await going(node.places) == ["c-1"]
    assert arrows(await trace(node.places, "c-1", headers=False)) == ["INVITE"]
    assert await trace(node.places, "c-2", headers=False) is None


async def test_what_was_kept_comes_first_and_the_node_need_not_run(node: Node) -> None:
    node.scene.begin("a", "c-1")
    async with opened(node.places) as store:
        await store.save_sip_trace(ACME, "c-1", node.scene.history.of(*node.scene.history.contacts()[0]))
    node.scene.passes("BYE", "id-a")
    assert arrows(await trace(node.places, "c-1", headers=True)) == ["INVITE", "INVITE", "BYE"]
    await node.socket.close()
    assert arrows(await trace(node.places, "c-1", headers=True)) == ["INVITE"]
    with pytest.raises(FolderError, match="no node runs"):
        await going(node.places)
    with pytest.raises(FolderError, match="no node runs"):
        await follow(node.places, "", False, print)


async def test_messages_are_followed_as_they_pass_until_the_node_ends(node: Node) -> None:
    lines: list[str] = []
    came = asyncio.Event()

    def tell(line: str) -> None:
        lines.append(line)
        came.set()

    following = asyncio.ensure_future(follow(node.places, "c-1", False, tell))
    async with asyncio.timeout(5):
        while node.scene.history.follow is None:
            await asyncio.sleep(0.01)  # the client connects by itself
    node.scene.begin("a", "c-1")
    node.scene.begin("b", "c-2")
    node.scene.passes("INFO", "id-b")
    node.scene.passes("BYE", "id-a")
    async with asyncio.timeout(5):
        await came.wait()
        await node.socket.close()
        await following
    assert arrows(lines) == ["BYE"]
    assert node.scene.history.follow is None


def test_a_folder_without_a_node_is_told(tmp_path: Path) -> None:
    for arguments in (["c-1"], [], ["--follow"]):
        done = CliRunner().invoke(main, ["sip", "trace", *arguments, "--data", str(tmp_path)])
        assert done.exit_code == 2 and "no node" in done.output
