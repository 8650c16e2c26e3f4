"""Relay workers that tap every leg, and the recorder that keeps what they tap."""

import asyncio
import hashlib
from pathlib import Path

from bench.load.batches import Address
from bench.load.script import Line
from bench.load.targets.own_process import OwnProcess
from bench.load.targets.workers import TAP, Workers, leg_name
from bench.load.work import Leg, Work
from ipc.client import Client
from recorder import api as recorder
from relay import api

_TENANT = ("000000000001", "bench")
_PIECE = 1 << 20
_ASK_SECONDS = 30.0
DONE = ("released", "quarantined")


class RecordedWorkers(Workers):
    """The first leg of a room is its agent, heard on the right; the others are on the left."""

    def __init__(self, count: int = 1) -> None:
        super().__init__(count)
        self._recorder: OwnProcess | None = None
        self._client_of_recorder = Client(recorder.Answers, recorder.Events, self._changed)
        self._states: dict[str, recorder.RecordingStatus] = {}
        self._news = asyncio.Event()

    @property
    def recorder_pid(self) -> int:
        assert self._recorder is not None, "only within `async with`"
        return self._recorder.pid

    async def connect(self, work: Work, at: Address) -> list[Line]:
        for room, legs in work.rooms.items():
            parties = tuple(
                recorder.Party(number, "agent" if number == 0 else "other", leg_name(leg))
                for number, leg in enumerate(legs)
            )
            start = recorder.Start(recording_of(room), *_TENANT, f"contact-{room}", _key(room), parties)
            await self._client_of_recorder.ask(start, _ASK_SECONDS)
        return await super().connect(work, at)

    async def seal(self, work: Work) -> None:
        for room in work.rooms:
            await self._client_of_recorder.ask(recorder.Seal(recording_of(room)), _ASK_SECONDS)

    async def delivered(self, work: Work, seconds: float) -> dict[int, recorder.RecordingStatus]:
        """Of each room, once all are stored and verified. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                self._news.clear()
                known = {room: self._states.get(recording_of(room)) for room in work.rooms}
                over = {room: one for room, one in known.items() if one is not None and one.state in DONE}
                if len(over) == len(known):
                    return over
                await self._news.wait()

    async def read(self, room: int) -> bytes:
        """The stored file."""
        data, total = b"", 1
        while len(data) < total:
            wanted = recorder.Read(*_TENANT, _key(room), len(data), _PIECE)
            chunk = await self._client_of_recorder.ask(wanted, _ASK_SECONDS)
            data, total = data + chunk.data, chunk.total
        return data

    async def _before(self, folder: Path) -> None:
        control = folder / "recorder.sock"
        arguments = [
            "--data", str(folder / "data"), "--control", str(control), "--tap", str(folder / TAP),
            "--keyring", str(folder / "keyring.json"),
        ]  # fmt: skip
        self._recorder = OwnProcess("recorder", arguments, folder / "recorder.log")
        await self._stack.enter_async_context(self._recorder)
        await self._client_of_recorder.connect(control)
        self._stack.push_async_callback(self._client_of_recorder.close)

    def _taps(self, legs: list[Leg]) -> tuple[api.Tap, ...]:
        return tuple(api.Tap(leg_name(leg), recording_of(leg.room), number) for number, leg in enumerate(legs))

    def _changed(self, event: recorder.Events) -> None:
        if isinstance(event, recorder.StateChanged):
            self._states[event.status.recording] = event.status
            self._news.set()


def recording_of(room: int) -> str:
    return hashlib.sha256(f"room {room}".encode()).hexdigest()[:32]


def _key(room: int) -> str:
    return f"connect/bench/CallRecordings/2026/01/01/{recording_of(room)}_20260101T00:00_UTC.wav"
