from pathlib import Path

import numpy as np
import pytest

from recorder.api import Party
from recorder.finalizing.mix import Voice
from recorder.finalizing.sounds import SoundWriter
from recorder.keeping.envelope import Keyed
from recorder.keeping.keys import Owner
from recorder.keeping.sealed_file import SealedFile
from recorder.spooling.index import Track
from vault.pii import Pii

OWNER = Owner("acct", "instance", "contact", "00" * 16)


class FullDisk(SealedFile):
    """Has room for the head and one block."""

    def write(self, piece: bytes) -> None:
        if self.size > 44:
            raise OSError(28, "No space left on device")
        super().write(piece)


class NoPayloads:
    def payload(self, where: object) -> bytes:
        raise AssertionError("there are no packets")


def test_a_disk_that_fills_in_the_middle_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    """Blocks are written on another thread: its error must not be lost with it."""

    def full(name: str, content: str) -> SealedFile:
        return FullDisk(tmp_path / name, content, OWNER, Keyed(Pii(bytes(32)), "key"))

    silent = Voice(Track(), [], NoPayloads(), [])
    with pytest.raises(OSError, match="No space left"):
        SoundWriter(full, "wav", False).write([(Party(0, "agent", "leg"), silent)], 8000, 8000 * 60)
    assert list(tmp_path.iterdir()) == []


def test_a_block_is_written_behind_the_one_before(tmp_path: Path) -> None:
    def fits(name: str, content: str) -> SealedFile:
        return SealedFile(tmp_path / name, content, OWNER, Keyed(Pii(bytes(32)), "key"))

    silent = Voice(Track(), [], NoPayloads(), [])
    written = SoundWriter(fits, "wav", True).write([(Party(0, "agent", "leg"), silent)], 8000, 8000 * 12)
    assert written.sound.size == 44 + 4 * 8000 * 12
    assert [track.size for track in written.tracks] == [44 + 2 * 8000 * 12]
    assert not np.any(written.peaks.left)
