"""The recorder while its KMS is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from ipc.messages import Refusal
from recorder import api, service
from recorder.delivery import lane
from recorder.delivery.places import Places
from recorder.keeping.keys import RecordingKeys
from recorder.service import Recorder
from recorder.spooling import journal as journals
from recorder.spooling.spool import Spool
from recorder.wire import cut
from tests.recorder.offline import RECORDING, Room
from tests.recorder.process import PARTIES, TENANT, start_of
from tests.support.tapper import Speaker, batches, speak
from vault import remote
from vault.keyring import LocalKeyring, LocalKms
from vault.kms import DataKey, KeyUnavailable, KeyVersion, Kms, KmsAway
from vault.pii import Pii
from vault.remote import RemoteKms


class FarKms(LocalKms):
    """A keyring behind a network that can be cut."""

    def __init__(self, ring: LocalKeyring) -> None:
        super().__init__(ring)
        self.away = False

    async def unwrap(self, wrapped: bytes, context: str) -> Pii[bytes]:
        if self.away:
            raise KmsAway("the KMS does not answer")
        return await super().unwrap(wrapped, context)


class ShutKms(LocalKms):
    """Whose master key is disabled."""

    async def generate(self, key: str, context: str) -> DataKey:
        raise KeyUnavailable("the key is disabled")


class House:
    """A recorder in this process, on the spool of a room."""

    def __init__(self, room: Room, kms: Kms | None) -> None:
        self.kms = FarKms(room.ring)
        self.spool = Spool()
        self.told: asyncio.Queue[api.RecordingStatus] = asyncio.Queue()
        places = Places.open(room.folder.parent)
        keys = RecordingKeys(kms or self.kms)
        self.recorder = Recorder(
            room.folder.parent, keys, places, self.spool, lambda event: self.told.put_nowait(event.status)
        )

    async def reached(self, state: str) -> api.RecordingStatus:
        async with asyncio.timeout(20):
            while (status := await self.told.get()).state != state:
                continue
        return status


@asynccontextmanager
async def housed(room: Room, kms: Kms | None = None) -> AsyncIterator[House]:
    house = House(room, kms)
    writing = asyncio.create_task(house.spool.run())
    house.recorder.delivery.start()
    yield house
    await house.recorder.close()
    writing.cancel()
    await house.spool.shut()


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(service, "KMS_RETRY_SECONDS", 0.05)
    return Room(tmp_path / "spool")


async def test_a_recording_without_a_key_does_not_begin_and_says_why(room: Room) -> None:
    async with housed(room, ShutKms(room.ring)) as house:
        with pytest.raises(Refusal, match="there is no key for it: the key is disabled"):
            await house.recorder.handle(start_of(RECORDING))
        assert not house.recorder.is_open(bytes.fromhex(RECORDING))
    assert not (room.folder / RECORDING).exists()


async def test_recordings_wait_for_a_kms_that_is_away_at_the_start(room: Room) -> None:
    room.spool(speak(RECORDING, Speaker(0, end=1.0)))
    async with housed(room) as house:
        house.kms.away = True
        await house.recorder.resume()
        status = house.told.get_nowait()
        assert (status.state, status.reason) == ("sealed", "the KMS does not answer")
        house.kms.away = False
        assert (await house.reached("released")).reason == ""


async def test_what_is_said_of_a_recording_meanwhile_is_not_lost(room: Room) -> None:
    """It takes no records yet, and does not give any up; nor is it begun anew under another key."""
    folder = room.spool(speak(RECORDING, Speaker(0, end=1.0)), parties=PARTIES[:1])
    journal, data_key = room.load(folder)
    journals.save(folder, msgspec.structs.replace(journal, state="recording"), data_key)
    async with housed(room) as house:
        house.kms.away = True
        await house.recorder.resume()
        await house.recorder.handle(start_of(RECORDING))
        await house.recorder.handle(api.Seal(RECORDING))
        recording = bytes.fromhex(RECORDING)
        assert not house.recorder.is_open(recording)
        assert not house.recorder.is_over(recording)
        house.kms.away = False
        await house.reached("released")
    assert room.load(folder)[0].start.parties == PARTIES


class FarService:
    """Master keys behind a network that can be cut."""

    def __init__(self, ring: LocalKeyring) -> None:
        self._ring = ring
        self.away = True

    def key_id(self, key: str) -> str:
        return f"far/{key}"

    async def wrap(self, key: str, plain: bytes, context: str) -> bytes:
        self._reach()
        return self._ring.wrap(key, Pii(plain), context).wrapped

    async def unwrap(self, key: str, wrapped: bytes, context: str) -> bytes:
        self._reach()
        return self._ring.unwrap(wrapped, context).reveal()

    async def rewrap(self, key: str, wrapped: bytes, context: str) -> bytes | None:
        self._reach()
        made = self._ring.rewrap(key, wrapped, context)
        return made.wrapped if made is not None else None

    async def versions(self, key: str) -> list[KeyVersion]:
        self._reach()
        return self._ring.versions()

    async def rotate(self, key: str) -> None:
        self._reach()
        self._ring.rotate(key)

    async def destroy(self, key: str) -> None:
        self._reach()
        self._ring.destroy(key, "")

    async def close(self) -> None:
        self.away = True

    def _reach(self) -> None:
        if self.away:
            raise KmsAway("the KMS does not answer")


async def test_what_is_recorded_while_the_kms_is_away_is_delivered_under_its_key(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(remote, "AWAY_SECONDS", 0.05)
    far = FarService(LocalKeyring.open(tmp_path / "far.json"))
    async with housed(room, RemoteKms(far, room.ring, lambda _: "key")) as house:
        await house.recorder.handle(start_of(RECORDING))
        folder = room.folder / RECORDING
        assert room.load(folder)[0].key_id != far.key_id("key")
        for body in batches(speak(RECORDING, Speaker(0, end=1.0))):
            house.spool.append(RECORDING, body)
            for record in cut(body):
                house.recorder.see(record)
        await house.recorder.handle(api.Seal(RECORDING))
        await house.reached("sealed")
        assert "the K" in (await house.reached("sealed")).reason
        far.away = False
        await house.reached("released")
        assert journals.claim(folder).key_id == far.key_id("key")
        read = await house.recorder.handle(api.Read(*TENANT, start_of(RECORDING).key, 0, 4))
        assert isinstance(read, api.Chunk)
        assert read.data == b"RIFF"
