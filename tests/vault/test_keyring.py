import json
import stat
from pathlib import Path

import pytest

from vault.keyring import LocalKeyring
from vault.kms import KeyUnavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keyring.json"


def test_a_new_keyring_is_for_us_alone_and_found_again(path: Path) -> None:
    made = LocalKeyring.open(path).generate("context")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert LocalKeyring.open(path).unwrap(made.wrapped, "context") == made.plain
    assert made.plain.reveal() not in path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == ["keyring.json"]


def test_each_key_is_new_and_opens_in_its_context_only(path: Path) -> None:
    keyring = LocalKeyring.open(path)
    one, two = keyring.generate("a"), keyring.generate("a")
    assert one.plain != two.plain
    assert len(one.plain.reveal()) == 32
    with pytest.raises(KeyUnavailable):
        keyring.unwrap(one.wrapped, "b")


def test_a_changed_or_foreign_key_is_refused(path: Path, tmp_path: Path) -> None:
    keyring = LocalKeyring.open(path)
    wrapped = keyring.generate("a").wrapped
    for index in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[index] ^= 1
        with pytest.raises(KeyUnavailable):
            keyring.unwrap(bytes(changed), "a")
    with pytest.raises(KeyUnavailable):
        LocalKeyring.open(tmp_path / "other.json").unwrap(wrapped, "a")
    with pytest.raises(KeyUnavailable):
        keyring.unwrap(b"", "a")


def test_a_keyring_that_others_may_read_is_refused(path: Path) -> None:
    LocalKeyring.open(path)
    path.chmod(0o640)
    with pytest.raises(KeyUnavailable):
        LocalKeyring.open(path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"keys": {"zz": 1}, "active": "00"}', b"\xff"])
def test_what_is_no_keyring_is_refused(path: Path, content: bytes) -> None:
    LocalKeyring.open(path)
    path.write_bytes(content)
    with pytest.raises(KeyUnavailable):
        LocalKeyring.open(path)


def test_nothing_of_the_keys_is_printed(path: Path) -> None:
    keyring = LocalKeyring.open(path)
    made = keyring.generate("a")
    key = next(iter(json.loads(path.read_text())["keys"].values()))
    assert key not in repr(vars(keyring))
    assert repr(made.plain.reveal()) not in repr(made)
