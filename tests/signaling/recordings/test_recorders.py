"""The recorder's client against a scripted recorder on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ipc.messages import Done, Refusal
from ipc.server import Server
from recorder.api import (
    Chunk,
    Commands,
    Configure,
    GetRecordings,
    Read,
    Recordings,
    RecordingStatus,
    Seal,
    Start,
    StateChanged,
    Storage,
    TapsCounted,
)
from signaling.center.resources import Tenant
from signaling.recordings import recorders
from signaling.recordings.recorders import Recorder

ACME = Tenant("account", "instance", "acme")
ONE, TWO = "1" * 32, "2" * 32


def start(recording: str) -> Start:
    return Start(recording, "account", "instance", f"contact-{recording[0]}", f"key-{recording[0]}.wav", ())


def status(recording: str) -> RecordingStatus:
    return RecordingStatus(recording, "account", "instance", "contact", "key", "recording", {"recording": 1.0})


class Scripted:
    """A recorder process that can die and come back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server: Server | None = None
        self.heard: list[Any] = []
        self.known: tuple[RecordingStatus, ...] = ()
        self.refusals: dict[type, Refusal] = {}
        self.go_on = asyncio.Event()
        """GetRecordings is answered when it is set."""
        self.go_on.set()
        self.asked = asyncio.Event()

    async def up(self) -> None:
        self._server = Server(Commands, self._handle)
        await self._server.start(self._path)

    async def down(self) -> None:
        if self._server is not None:
            await self._server.close()
            self._path.unlink()
            self._server = None

    def publish(self, event: StateChanged | TapsCounted) -> None:
        assert self._server is not None
        self._server.publish(event)

    async def _handle(self, command: Any) -> msgspec.Struct:
        if isinstance(command, GetRecordings):
            self.asked.set()
            await self.go_on.wait()
            return Recordings(self.known)
        self.heard.append(command)
        if type(command) in self.refusals:
            raise self.refusals[type(command)]
        return Chunk(b"sound", 5) if isinstance(command, Read) else Done()


class Link:
    def __init__(self, path: Path) -> None:
        self.process = Scripted(path)
        self.states: asyncio.Queue[RecordingStatus] = asyncio.Queue()
        self.presence: asyncio.Queue[bool] = asyncio.Queue()
        self.recorder = Recorder(path, self.states.put_nowait, self.presence.put_nowait)

    async def meet(self) -> None:
        await self.process.up()
        await self.expect(True)

    async def part(self) -> None:
        await self.process.down()
        await self.expect(False)
        self.process.heard.clear()

    async def expect(self, there: bool) -> None:
        async with asyncio.timeout(10):
            assert await self.presence.get() is there


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[Link]:
    made = Link(tmp_path / "s")
    made.recorder.start()
    yield made
    await made.recorder.close()
    await made.process.down()


async def test_a_recording_is_begun_and_sealed_once(link: Link) -> None:
    await link.meet()
    await link.recorder.begin(start(ONE))
    await link.recorder.seal(ONE)
    assert link.process.heard == [start(ONE), Seal(ONE)]
    await link.part()
    await link.meet()
    assert link.process.heard == []


async def test_where_recordings_go_is_said_first_and_to_each_recorder(tmp_path: Path) -> None:
    link, storage = Link(tmp_path / "s"), Configure("account", "instance", Storage(bucket="calls"))
    link.recorder.start([storage])
    await link.recorder.begin(start(ONE))
    for _ in range(2):
        await link.meet()
        assert link.process.heard == [storage, start(ONE)]
        await link.part()
    await link.recorder.close()


async def test_what_runs_is_said_again_and_what_is_nobodys_is_sealed(link: Link) -> None:
    await link.meet()
    await link.recorder.begin(start(ONE))
    await link.part()
    link.process.known = (status(ONE), status(TWO))
    await link.meet()
    assert link.process.heard == [start(ONE), Seal(TWO)]
    assert [link.states.get_nowait().recording for _ in range(2)] == [ONE, TWO]


async def test_a_recording_that_began_and_ended_while_the_recorder_was_away_is_kept(link: Link) -> None:
    await link.recorder.begin(start(ONE))
    await link.recorder.seal(ONE)
    await link.meet()
    assert link.process.heard == [start(ONE), Seal(ONE)]


async def test_what_happens_while_both_sides_agree_is_said_too(link: Link) -> None:
    await link.recorder.begin(start(ONE))
    link.process.go_on.clear()
    link.process.known = (status(ONE),)
    await link.process.up()
    async with asyncio.timeout(10):
        await link.process.asked.wait()
        await link.recorder.begin(start(TWO))
        await link.recorder.seal(ONE)
    link.process.go_on.set()
    await link.expect(True)
    assert link.process.heard[:3] == [start(ONE), start(TWO), Seal(ONE)]
    assert Seal(TWO) not in link.process.heard


async def test_one_start_that_is_refused_does_not_keep_the_others_away(link: Link) -> None:
    link.process.refusals[Start] = Refusal("bad_command", "no such key")
    await link.recorder.begin(start(ONE))
    await link.meet()
    assert link.process.heard == [start(ONE)]
    assert link.recorder.connected.is_set()


async def test_states_are_told_and_reading_needs_a_recorder(link: Link) -> None:
    with pytest.raises(Refusal, match="gone"):
        await link.recorder.read(ACME, "key", (0, 5))
    await link.meet()
    assert (await link.recorder.read(ACME, "key", (0, 5))).data == b"sound"
    link.process.publish(TapsCounted(bad_batches=3))
    link.process.publish(StateChanged(status(ONE)))
    async with asyncio.timeout(10):
        assert (await link.states.get()).recording == ONE
    assert link.recorder.taps.counts() == {
        "bad_batches": 3, "repeated_batches": 0, "refused_connections": 0, "late_records": 0, "unclaimed_records": 0,
    }  # fmt: skip


async def test_what_could_not_be_opened_is_told_and_asked_for_again(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "RETRY_SECONDS", 0.05)
    link.process.refusals[Start] = Refusal("internal", "No space left on device")
    await link.meet()
    await link.recorder.begin(start(ONE))
    told = link.states.get_nowait()
    assert (told.recording, told.contact, told.state) == (ONE, "contact-1", "quarantined")
    assert told.reason == "it could not be opened: No space left on device"
    link.process.refusals.clear()
    link.process.heard.clear()
    async with asyncio.timeout(10):
        while not link.process.heard:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    assert link.process.heard == [start(ONE)]
    assert link.states.empty()
