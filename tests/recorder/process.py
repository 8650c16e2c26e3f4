"""A real recorder process for the tests, and what it delivered."""

import asyncio
import io
import os
import signal
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ipc.client import Client
from ipc.process import wait_until_ready
from recorder import api
from recorder.finalizing import manifest
from recorder.finalizing.manifest import Manifest
from tests.support.tapper import Tapper

KEY = "connect/acme/CallRecordings/2026/11/23/{}_20261123T10:00_UTC.wav"
TENANT = ("acct", "inst")
PARTIES = (api.Party(0, "other", "leg-customer"), api.Party(1, "agent", "leg-agent"))


def start_of(
    recording: str, parties: tuple[api.Party, ...] = PARTIES, format: api.Format = "wav", tracks: bool = False
) -> api.Start:
    return api.Start(
        recording=recording,
        account="acct",
        instance="inst",
        contact=f"contact-{recording[:8]}",
        key=KEY.format(recording).removesuffix(".wav") + api.FORMATS[format][0],
        parties=parties,
        format=format,
        tracks=tracks,
    )


class Delivered(NamedTuple):
    rate: int
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    manifest: Manifest


@asynccontextmanager
async def tapped(folder: Path, start: api.Start) -> "AsyncIterator[tuple[RecorderProcess, Tapper]]":
    """A recorder with a recording that has been started, and a worker that is connected."""
    recorder = RecorderProcess(folder)
    tapper = Tapper(recorder.tap)
    await recorder.start()
    try:
        await recorder.client.ask(start)
        await tapper.connect()
        yield recorder, tapper
    finally:
        await tapper.close()
        assert await recorder.stop() == 0


class RecorderProcess:
    """Starts, kills and restarts `python -m recorder` on one data folder."""

    def __init__(self, folder: Path, module: str = "recorder") -> None:
        self._module = module
        self.data = folder / "data"
        self.store = self.data / "objects"
        self.control = folder / "control"
        self.tap = folder / "tap.sock"
        self.keyring = folder / "keyring.json"
        self.log = folder / "log"
        self.states: dict[str, list[str]] = {}
        self.reasons: list[str] = []
        self.spaces: list[api.SpaceStatus] = []
        self.taps: list[api.TapsCounted] = []
        self._changed = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self.client: Client = self._new_client()

    async def start(self) -> None:
        """Until it is ready, and connected."""
        await self.spawn()
        await self.connected()

    async def spawn(self) -> None:
        """It begins."""
        reading, writing = os.pipe()
        os.set_inheritable(writing, True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self._module, "--data", str(self.data), "--control", str(self.control)),
                *("--tap", str(self.tap), "--keyring", str(self.keyring), "--store", str(self.store)),
                stderr=log,
                pass_fds=(writing,),
                env=os.environ | {"TELEPHONIST_HEARTBEAT_FD": str(writing)},
            )
        os.close(writing)
        self._heartbeat = reading
        self._ready = asyncio.ensure_future(asyncio.to_thread(wait_until_ready, reading))

    async def connected(self) -> None:
        """Until it is ready, and connected."""
        assert await asyncio.shield(self._ready), self.log.read_text()
        self.client = self._new_client()
        await self.client.connect(self.control)

    async def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._end()

    async def stop(self) -> int:
        """Asks it to end; its exit status."""
        assert self._process is not None
        self._process.terminate()
        return await self._end()

    async def reached(self, recording: str, state: str, timeout: float = 20.0) -> api.RecordingStatus:
        """Until the recording is in this state, as the recorder's events tell. Raises TimeoutError."""
        known: dict[str, api.RecordingStatus] = {}
        try:
            async with asyncio.timeout(timeout):
                while True:
                    self._changed.clear()
                    told = (await self.client.ask(api.GetRecordings())).recordings
                    known = {status.recording: status for status in told}
                    if recording in known and known[recording].state == state:
                        return known[recording]
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"{recording} is not {state}: {known.get(recording)}") from None

    async def read(self, recording: str) -> bytes:
        """The delivered sound, in ranges."""
        key, data, total = KEY.format(recording), b"", 1
        while len(data) < total:
            chunk = await self.client.ask(api.Read(*TENANT, key, len(data), 100_000))
            data, total = data + chunk.data, chunk.total
        return data

    async def delivered(self, recording: str) -> Delivered:
        told = await self.client.ask(api.ReadManifest(*TENANT, KEY.format(recording)))
        with wave.open(io.BytesIO(await self.read(recording))) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
            rate = file.getframerate()
        return Delivered(rate, samples[:, 0], samples[:, 1], manifest.decode(told.json.encode()))

    async def _end(self) -> int:
        assert self._process is not None
        await self.client.close()
        status = await self._process.wait()
        await self._ready  # it reads from what is closed here
        os.close(self._heartbeat)
        return status

    def _new_client(self) -> Client:
        return Client(api.Answers, api.Events, self._on_event)

    def _on_event(self, event: api.Events) -> None:
        match event:
            case api.SpaceChanged(space):
                self.spaces.append(space)
            case api.TapsCounted():
                self.taps.append(event)
            case api.StateChanged(status):
                self.states.setdefault(status.recording, []).append(status.state)
                self.reasons.append(status.reason)
        self._changed.set()
