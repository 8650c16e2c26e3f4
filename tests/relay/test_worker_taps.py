"""What a worker process tells the recorder."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.wire import Codec, Kind
from relay import api
from relay.api import Hear, Tap
from tests.relay.process import ADDRESS, RtpPeer, WorkerProcess, media_port, offer, worker
from tests.relay.recorder import TapSocket
from tests.support.tones import tone

RECORDING = "0123456789abcdef" * 2


@pytest.fixture
async def taps(tmp_path: Path) -> AsyncIterator[TapSocket]:
    socket = TapSocket(tmp_path / "tap.sock")
    await socket.start()
    yield socket
    await socket.stop()


async def call(running: WorkerProcess, leg: str, peer: RtpPeer) -> tuple[str, int]:
    media = await running.ask(api.AddRtpLeg(leg, "room", ADDRESS, offer(peer.port), codecs=("PCMU",)))
    return ADDRESS, media_port(media.sdp)


async def set_taps(running: WorkerProcess, *taps: Tap) -> None:
    await running.ask(api.SetRoom("room", (Hear("one", "two"), Hear("two", "one")), taps))


async def test_tapped_parties_and_no_others_are_told(taps: TapSocket, tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        one, two = await running.rtp_peer(11), await running.rtp_peer(22)
        to_one, to_two = await call(running, "one", one), await call(running, "two", two)
        await set_taps(running, Tap("one", RECORDING, 3))
        await asyncio.gather(one.talk(tone(440, 0.5, 8000), to_one), two.talk(tone(700, 0.5, 8000), to_two))
        await taps.until(Kind.PACKET, 25)
        await running.ask(api.DropLeg("one"))
        await taps.until(Kind.END)
    packets = taps.of(Kind.PACKET)
    assert [packet.sequence - packets[0].sequence for packet in packets] == list(range(25))
    assert {(p.recording.hex(), p.party, p.ssrc, p.codec) for p in packets} == {(RECORDING, 3, 11, Codec.PCMU)}
    kinds = [record.kind for record in taps.records if record.kind not in (Kind.PACKET, Kind.CLOCK)]
    assert kinds == [Kind.BEGIN, Kind.END]
    assert len(taps.of(Kind.CLOCK)) >= 4
    clocks = [record.clock for record in taps.records]
    assert clocks == sorted(clocks)
    assert taps.numbers == list(range(1, len(taps.numbers) + 1))


async def test_hold_and_mute_are_pauses_without_packets(taps: TapSocket, tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        one = await running.rtp_peer(11)
        to_one = await call(running, "one", one)
        await set_taps(running, Tap("one", RECORDING, 0, live=False))
        await one.talk(tone(440, 0.2, 8000), to_one)
        await set_taps(running, Tap("one", RECORDING, 0))
        await one.talk(tone(440, 0.2, 8000), to_one)
        await set_taps(running, Tap("one", RECORDING, 0, live=False))
        await one.talk(tone(440, 0.2, 8000), to_one)
        await set_taps(running)
        await taps.until(Kind.END)
    kinds = [record.kind for record in taps.records if record.kind not in (Kind.PACKET, Kind.CLOCK)]
    assert kinds == [Kind.BEGIN, Kind.PAUSE, Kind.RESUME, Kind.PAUSE, Kind.END]
    begun, ended = taps.of(Kind.RESUME)[0].clock, taps.of(Kind.PAUSE)[1].clock
    assert 9 <= len(taps.of(Kind.PACKET)) <= 11
    assert all(begun <= packet.clock <= ended for packet in taps.of(Kind.PACKET))


async def test_a_killed_recorder_gets_all_that_it_had_not_acknowledged(taps: TapSocket, tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        one = await running.rtp_peer(11)
        to_one = await call(running, "one", one)
        await set_taps(running, Tap("one", RECORDING, 0))
        await one.talk(tone(440, 0.2, 8000), to_one)
        await taps.until(Kind.PACKET, 10)
        taps.acknowledging = False
        await one.talk(tone(440, 0.2, 8000), to_one)
        await taps.until(Kind.PACKET, 20)
        await taps.stop()
        await one.talk(tone(440, 0.2, 8000), to_one)
        taps.acknowledging = True
        await taps.start()
        await taps.until(Kind.PACKET, 30)
        assert (await running.ask(api.GetStatus())).tap_dropped == 0
    packets = taps.of(Kind.PACKET)
    assert [packet.sequence - packets[0].sequence for packet in packets] == list(range(30))
    assert len(set(taps.hellos)) == 1
    assert len(taps.hellos) == 2
    assert len(taps.numbers) > len(set(taps.numbers))


async def test_a_worker_that_is_stopped_ends_its_taps(taps: TapSocket, tmp_path: Path) -> None:
    async with worker(tmp_path) as running:
        await call(running, "one", await running.rtp_peer(11))
        await set_taps(running, Tap("one", RECORDING, 0))
        await taps.until(Kind.CLOCK)
    assert len(taps.of(Kind.END)) == 1


async def test_orphans_end_their_taps(taps: TapSocket, tmp_path: Path) -> None:
    async with worker(tmp_path, "--orphan-seconds", "0.3") as running:
        await call(running, "one", await running.rtp_peer(11))
        await set_taps(running, Tap("one", RECORDING, 0))
        await running.client.close()
        await taps.until(Kind.END)
