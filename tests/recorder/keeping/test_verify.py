"""What the verifier says of whole recordings, and of those that were changed in any place."""

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest

from recorder.api import Check, Expected
from recorder.delivery.names import key_object_key, manifest_key, track_key
from recorder.delivery.places import Places
from recorder.finalizing.outcome import Finished
from recorder.keeping.verify import Verifier
from recorder.spooling import journal
from tests.recorder.offline import RECORDING, Room
from tests.recorder.process import PARTIES, start_of
from tests.support.tapper import Speaker, call

OTHER = "f" * 32


class Vault:
    """A room with a spool and a store, and a recording that was delivered."""

    def __init__(self, folder: Path) -> None:
        self.room = Room(folder)
        self.store = folder / "store"
        self.verifier = Verifier(Places.open(folder, self.store), self.room.keys, folder)
        self.expected = self.deliver(RECORDING)

    def deliver(self, recording: str) -> Expected:
        start = start_of(recording)
        folder = self.room.spool(
            call(recording, (Speaker(0, end=1.0), Speaker(1, 700.0, end=1.0))), recording=recording
        )
        made = self.room.finalize(folder)
        assert isinstance(made, Finished)
        self.room.deliver(folder, made, self.store)
        owner = (recording, start.account, start.instance, start.contact, start.key)
        return Expected(*owner, "released", made.size, made.sha256)

    @property
    def sound(self) -> Path:
        return self.store / self.expected.key

    @property
    def told(self) -> Path:
        return self.store / manifest_key(self.expected.key)

    def check(self, **changes: object) -> list[Check]:
        return asyncio.run(self.verifier.check(msgspec.structs.replace(self.expected, **changes)))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


def failed(checks: list[Check]) -> list[str]:
    return [check.what for check in checks if not check.holds]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_whole_recording_holds_in_every_part(vault: Vault) -> None:
    checks = vault.check()
    assert [check.what for check in checks] == ["key", "object", "manifest"] and failed(checks) == []
    assert vault.expected.sha256 in checks[1].detail


@pytest.mark.parametrize("at", [0, 6, 300, -1, -20_000])
def test_one_changed_bit_is_found(vault: Vault, at: int) -> None:
    for path, what in ((vault.told, {"manifest"}), (vault.sound, {"object", "key"})):
        flip(path, min(at, path.stat().st_size - 1) if at >= 0 else max(at, -path.stat().st_size))
        assert set(failed(vault.check())) & what


def test_a_cut_object_is_found(vault: Vault) -> None:
    for size in (vault.sound.stat().st_size - 1, 700, 10, 0):
        vault.sound.write_bytes(vault.sound.read_bytes()[:size])
        assert failed(vault.check()) in (["object"], ["key"])


def test_what_does_not_belong_together_is_found(vault: Vault) -> None:
    other = vault.deliver(OTHER)
    shutil.copy(vault.store / manifest_key(other.key), vault.told)
    assert failed(vault.check()) == ["manifest"]
    shutil.copy(vault.store / other.key, vault.sound)
    assert failed(vault.check()) == ["object"]
    assert failed(vault.check(sha256=other.sha256)) == ["object"]


def test_a_record_that_says_something_else_is_found(vault: Vault) -> None:
    assert failed(vault.check(sha256="00" * 32)) == ["object"]
    assert failed(vault.check(size=7)) == ["object"]
    assert failed(vault.check(contact="another")) == ["object"]
    vault.sound.unlink()
    assert failed(vault.check()) == ["object"]


def test_a_key_that_is_gone_is_said(vault: Vault, tmp_path: Path) -> None:
    strangers = Room(tmp_path / "other")
    verifier = Verifier(Places.open(tmp_path, vault.store), strangers.keys, tmp_path)
    assert failed(asyncio.run(verifier.check(vault.expected))) == ["key"]


def test_what_is_on_its_way_is_read_in_the_spool(vault: Vault) -> None:
    assert failed(vault.check(state="sealed")) == []
    [segment] = (vault.room.folder / RECORDING).glob("*.segment")
    flip(segment, segment.stat().st_size // 2)
    for state in ("sealed", "quarantined"):
        assert failed(vault.check(state=state)) == ["spool"]


def test_a_record_that_lags_behind_is_held_against_the_journal(vault: Vault) -> None:
    """The node ended before the control plane had written down what the recorder told it."""
    folder = vault.room.folder / RECORDING
    known, data_key = vault.room.load(folder)
    told = {"size": vault.expected.size, "sha256": vault.expected.sha256}
    journal.save(folder, msgspec.structs.replace(known, state="released", **told), data_key)
    for path in folder.iterdir():
        if path.name != journal.NAME:
            path.unlink()
    lagging = {"state": "sealed", "size": 0, "sha256": ""}
    checks = vault.check(**lagging)
    assert [check.what for check in checks] == ["key", "object", "manifest"] and failed(checks) == []
    flip(vault.sound, 20_000)
    assert failed(vault.check(**lagging)) == ["object"]
    shutil.rmtree(folder)
    assert failed(vault.check(**lagging)) == ["store"]
    vault.sound.unlink()
    assert failed(vault.check(**lagging)) == ["spool"]


def test_of_what_was_deleted_nothing_may_be_left(vault: Vault) -> None:
    assert failed(vault.check(deleted=True)) == ["store"]
    vault.sound.unlink()
    assert failed(vault.check(deleted=True)) == ["store"]
    vault.told.unlink()
    assert failed(vault.check(deleted=True)) == ["store"]
    (vault.store / key_object_key(vault.expected.key)).unlink()
    assert failed(vault.check(deleted=True)) == []
    track = vault.store / track_key(vault.expected.key, PARTIES[1])
    track.write_bytes(b"what a deletion has left")
    assert failed(vault.check(deleted=True)) == ["store"]
    track.rename(track.with_name(f"another.{track.name}"))
    assert failed(vault.check(deleted=True)) == []
