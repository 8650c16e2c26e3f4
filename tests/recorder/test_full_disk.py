"""The spool's disk fills up under recordings that go on: a real file system of 8 MB, which takes root to mount."""

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ipc.messages import Refusal
from recorder import api
from recorder.spooling.space import level_of, measure
from tests.recorder.live_call import AGENT, CUSTOMER, live_call
from tests.recorder.process import RecorderProcess, start_of
from tests.support.tapper import Speaker, Tapper, batches, speak
from tests.support.tones import level_of as loudness
from tests.support.tones import tone

LIVE, LONG = "11" * 16, "22" * 16
FILLS = 900.0
"""Seconds of one party's sound that are more than 8 MB of spool."""
TALK = 7.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"this test mounts a file system and must be run as root: {done.stderr}"


async def test_calls_go_on_and_nothing_is_lost(disk: Path, tmp_path: Path) -> None:
    recorder = RecorderProcess(tmp_path)
    recorder.store = tmp_path / "store"
    tapper = Tapper(recorder.tap)
    long_sound = list(batches(speak(LONG, Speaker(0, end=FILLS, sound=tone(900.0, FILLS, 8000)))))
    async with live_call(tmp_path, recorder) as call, contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(tapper.close)
        for recording in (LIVE, LONG):
            await recorder.client.ask(start_of(recording))
        await call.record(LIVE)
        talking = asyncio.create_task(call.talk(TALK))
        await tapper.connect()
        for number, body in enumerate(long_sound):
            tapper.send(body)
            if number % 100 == 0:
                await asyncio.sleep(0)  # the call is in this process, too
        await until(lambda: level_of(measure(disk)) == "full")
        await until(lambda: recorder.reasons.count("it cannot be written: No space left on device") >= 2)
        await until(lambda: "full" in [space.level for space in recorder.spaces])
        assert recorder.spaces[-1].free > 0
        assert recorder.taps[-1] == api.TapsCounted()
        await asyncio.sleep(1.5)
        with pytest.raises(TimeoutError):
            await tapper.drained(0.1)
        mount("-o", "remount,size=64m", str(disk))
        await tapper.drained(5.0)
        await until(lambda: recorder.reasons[-2:] == ["", ""])
        await talking
        await call.end()
        for recording in (LIVE, LONG):
            await recorder.client.ask(api.Seal(recording))
            await recorder.reached(recording, "released")
        live, long = await recorder.delivered(LIVE), await recorder.delivered(LONG)
    assert live.manifest.gaps == long.manifest.gaps == ()
    assert len(long.left) == FILLS * 8000
    begin = 8000
    for sound, frequency in ((live.left, CUSTOMER), (live.right, AGENT), (long.left, 900.0)):
        for at in range(begin, round((TALK - 1) * 8000), 4000):
            assert loudness(sound[at : at + 4000], 8000, frequency) > -12
    for peer, frequency in zip(call.peers, (AGENT, CUSTOMER), strict=True):
        heard = peer.samples()[begin : round((TALK - 1) * 8000)]
        assert loudness(heard, 8000, frequency) > -16  # what a loaded machine sends late is silent for a moment


async def test_on_a_read_only_disk_nothing_begins_until_it_is_writable(disk: Path, tmp_path: Path) -> None:
    recorder = RecorderProcess(tmp_path)
    recorder.store = tmp_path / "store"
    tapper = Tapper(recorder.tap)
    await recorder.start()
    await tapper.connect()
    mount("-o", "remount,ro", str(disk))
    with pytest.raises(Refusal, match="Read-only file system"):
        await recorder.client.ask(start_of(LIVE))
    for body in batches(speak(LIVE, Speaker(0, end=2.0))):
        tapper.send(body)
    with pytest.raises(TimeoutError):
        await tapper.drained(0.3)
    mount("-o", "remount,rw", str(disk))
    await recorder.client.ask(start_of(LIVE))
    await tapper.drained()
    await recorder.client.ask(api.Seal(LIVE))
    await recorder.reached(LIVE, "released")
    heard = await recorder.delivered(LIVE)
    assert heard.manifest.gaps == ()
    assert loudness(heard.left, 8000, 440.0) > -11
    await tapper.close()
    assert await recorder.stop() == 0


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)  # neither a file system nor a list tells when it changes
