"""The recorder is killed again and again while a call runs: what was acknowledged is kept, and nothing is doubled."""

import asyncio
import random
from pathlib import Path

import numpy as np

from recorder import api
from recorder.finalizing.g711 import MU_LAW
from recorder.spooling.reading import SUFFIX
from recorder.wire import Codec, Kind, Record
from tests.recorder.offline import Room
from tests.recorder.process import Delivered, RecorderProcess, start_of, tapped
from tests.support.impair import Impairment
from tests.support.tapper import EPOCH, Speaker, Tapper, batches, call
from tests.support.tones import level_of, tone

RECORDING = "00112233445566778899aabbccddeeff"
KILLS = 10
SECONDS = 20.0
ROUGH = Impairment(loss=0.02, jitter_ms=40, reorder=0.05, duplicate=0.02)
SPEAKERS = (
    Speaker(0, 440.0, end=SECONDS, network=ROUGH, seed=3),
    Speaker(1, 700.0, Codec.PCMA, end=SECONDS, network=ROUGH, seed=4),
)


async def restart(recorder: RecorderProcess, tapper: Tapper) -> None:
    await recorder.kill()
    await tapper.close()
    await recorder.start()
    await tapper.connect()


async def kill_while_it_delivers(recorder: RecorderProcess, generator: random.Random) -> None:
    """Somewhere between sealed and released."""
    await asyncio.sleep(generator.uniform(0.0, 0.8))
    await recorder.kill()
    await recorder.start()


def uninterrupted(folder: Path, records: list[Record]) -> Delivered:
    """What the same records become when nothing happens."""
    return Room(folder).made_of(records, recording=RECORDING)


async def test_killed_at_random_points(tmp_path: Path) -> None:
    generator = random.Random(20261123)
    records = call(RECORDING, SPEAKERS)
    bodies = list(batches(records))
    kills = sorted(generator.sample(range(len(bodies)), KILLS - 3))
    async with tapped(tmp_path, start_of(RECORDING)) as (recorder, tapper):
        for index, body in enumerate(bodies):
            tapper.send(body)
            if index in kills:
                await asyncio.sleep(generator.uniform(0.0, 0.3))
                await restart(recorder, tapper)
        await tapper.drained()
        await recorder.client.ask(api.Seal(RECORDING))
        for _ in range(3):
            await kill_while_it_delivers(recorder, generator)
        status = await recorder.reached(RECORDING, "released", timeout=30)
        heard = await recorder.delivered(RECORDING)
    expected = await asyncio.to_thread(uninterrupted, tmp_path, records)
    assert np.array_equal(heard.left, expected.left)
    assert np.array_equal(heard.right, expected.right)
    assert heard.manifest.gaps == expected.manifest.gaps
    assert heard.manifest.parties == expected.manifest.parties
    assert status.sha256 == expected.manifest.sha256


async def test_what_a_worker_could_not_hold_is_a_gap_where_it_was(tmp_path: Path) -> None:
    """The recorder is away for longer than the worker's buffer: the worker's GAP is in the manifest."""
    records = call(RECORDING, (Speaker(0, end=8.0), Speaker(1, 700.0, end=8.0)))
    kept = [
        record for record in records if record.kind not in (Kind.PACKET, Kind.CLOCK) or not 3e9 < since(record) < 5e9
    ]
    gap = Record(bytes.fromhex(RECORDING), Kind.GAP, 0, EPOCH + 5 * 10**9, timestamp=EPOCH + 3 * 10**9, sequence=100)
    kept = sorted([*kept, gap, gap._replace(party=1)], key=lambda record: record.clock)
    async with tapped(tmp_path, start_of(RECORDING)) as (recorder, tapper):
        for index, body in enumerate(batches(kept)):
            tapper.send(body)
            if index == 160:
                await restart(recorder, tapper)
        await tapper.drained()
        await recorder.client.ask(api.Seal(RECORDING))
        await recorder.reached(RECORDING, "released")
        heard = await recorder.delivered(RECORDING)
    assert [(gap.start_ms, gap.end_ms, gap.party, gap.cause) for gap in heard.manifest.gaps] == [
        (3010, 5010, 0, "overflow"),
        (3010, 5010, 1, "overflow"),
    ]
    assert not heard.left[24400:39600].any()
    assert level_of(heard.left[:24000], 8000, 440) > -11
    assert level_of(heard.left[40400:], 8000, 440) > -11
    assert len(heard.left) == 64000


async def test_nothing_is_in_clear_on_the_disk(tmp_path: Path) -> None:
    sound = tone(440.0, 5.0, 8000)
    records = call(RECORDING, (Speaker(0, end=5.0, sound=sound), Speaker(1, 700.0, Codec.OPUS, end=5.0)))
    payload = next(record.payload for record in records if record.codec is Codec.PCMU)
    decoded = MU_LAW[np.frombuffer(payload, np.uint8)].tobytes()
    traces = {"WAV": b"RIFF", "Ogg": b"OggS", "payload": payload[:16], "sound": decoded[:16], "manifest": b"peaks"}
    async with tapped(tmp_path, start_of(RECORDING)) as (recorder, tapper):
        for body in batches(records):
            tapper.send(body)
        await tapper.drained()
        assert any(path.name.endswith(SUFFIX) for path in recorder.data.rglob("*"))
        assert found(tmp_path, traces) == []
        await recorder.client.ask(api.Seal(RECORDING))
        await recorder.reached(RECORDING, "released")
        assert found(tmp_path, traces) == []
        assert (await recorder.read(RECORDING))[:4] == b"RIFF"
    for path in (recorder.keyring, *(path for path in recorder.data.rglob("*") if path.is_file())):
        assert path.stat().st_mode & 0o077 == 0, path.name


def found(folder: Path, traces: dict[str, bytes]) -> list[tuple[str, str]]:
    contents = [(path.name, path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
    return [(name, trace) for name, content in contents for trace, wanted in traces.items() if wanted in content]


def since(record: Record) -> int:
    """ns since the call began."""
    return record.clock - EPOCH
