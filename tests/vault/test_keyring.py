import base64
import json
import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.keyfile import read
from vault.keyring import LocalKeyring
from vault.kms import KeyDestroyed, KeyUnavailable, KmsAway
from vault.protection import CREDENTIAL, PASSPHRASE, Kind, Protection, Secrets


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Passphrases are derived at the least cost, so that tests are quick."""

    def cheap(kind: Kind) -> Protection:
        return Protection(kind, secrets.token_bytes(16), 1, 8, 1)

    monkeypatch.setattr("vault.keyring.new_protection", cheap)
    return tmp_path / "keys" / "keyring.json"


def test_a_new_keyring_is_for_us_alone_and_found_again(path: Path) -> None:
    made = LocalKeyring.open(path).generate("acme", "context")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert LocalKeyring.open(path).unwrap(made.wrapped, "context") == made.plain
    assert made.plain.reveal() not in path.read_bytes()
    assert sorted(file.name for file in path.parent.iterdir()) == ["keyring.json", "keyring.lock"]


def test_each_key_is_new_and_opens_in_its_context_only(path: Path) -> None:
    keyring = LocalKeyring.open(path)
    one, two = keyring.generate("acme", "a"), keyring.generate("acme", "a")
    assert one.plain != two.plain
    assert len(one.plain.reveal()) == 32
    with pytest.raises(KeyUnavailable):
        keyring.unwrap(one.wrapped, "b")


def test_a_changed_or_foreign_key_is_refused(path: Path, tmp_path: Path) -> None:
    keyring = LocalKeyring.open(path)
    wrapped = keyring.generate("acme", "a").wrapped
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
    made = keyring.generate("acme", "a")
    key = read(path).keys[0].key
    assert repr(key)[2:-1] not in repr(keyring._masters)
    assert repr(made.plain.reveal()) not in repr(made)


def test_a_first_keyring_of_one_key_goes_on_opening(path: Path) -> None:
    """What was written before instances had keys of their own."""
    path.parent.mkdir()
    key = base64.b64encode(bytes(range(32))).decode()
    path.write_text(json.dumps({"active": "0102030405060708", "keys": {"0102030405060708": key}}))
    path.chmod(0o600)
    keyring = LocalKeyring.open(path)
    nonce = bytes(12)
    wrapped = bytes.fromhex("0102030405060708") + nonce
    wrapped += AESGCM(bytes(range(32))).encrypt(nonce, bytes(32), b"context")
    assert keyring.unwrap(wrapped, "context").reveal() == bytes(32)
    made = keyring.rewrap("1/acme", wrapped, "context")
    assert made is not None
    assert LocalKeyring.open(path).unwrap(made.wrapped, "context").reveal() == bytes(32)
    assert LocalKeyring.open(path).unwrap(wrapped, "context").reveal() == bytes(32)
    assert [(one.name, one.version, one.newest) for one in keyring.versions()] == [("", 1, True), ("1/acme", 1, True)]


def test_each_instance_has_a_key_of_its_own(path: Path) -> None:
    keyring = LocalKeyring.open(path)
    one, two = keyring.generate("1/acme", "c"), keyring.generate("1/other", "c")
    assert one.key_id != two.key_id == keyring.generate("1/other", "c").key_id
    keyring.destroy("1/acme", "asked for")
    assert keyring.unwrap(two.wrapped, "c") == two.plain
    with pytest.raises(KeyDestroyed):
        keyring.unwrap(one.wrapped, "c")


def test_rotated_keys_open_what_they_wrapped_and_wrap_nothing_new(path: Path) -> None:
    keyring, other = LocalKeyring.open(path), LocalKeyring.open(path)
    old = keyring.generate("1/acme", "c")
    made = keyring.rotate("1/acme")
    assert (made.version, made.newest) == (2, True)
    assert other.generate("1/acme", "c").key_id == made.id  # another process sees it at once
    assert other.unwrap(old.wrapped, "c") == old.plain
    renewed = other.rewrap("1/acme", old.wrapped, "c")
    assert renewed is not None
    assert renewed.key_id == made.id
    assert other.rewrap("1/acme", renewed.wrapped, "c") is None
    keyring.destroy("1/acme", "compromised", 1)
    assert other.unwrap(renewed.wrapped, "c") == old.plain
    with pytest.raises(KeyDestroyed):
        other.unwrap(old.wrapped, "c")
    with pytest.raises(KeyUnavailable, match="before"):
        keyring.destroy("1/acme", "again", 1)


def test_a_destroyed_key_is_gone_from_the_file_and_its_name_gets_another(path: Path) -> None:
    keyring = LocalKeyring.open(path)
    old = keyring.generate("1/acme", "c")
    kept = read(path).keys[0].key
    (gone,) = keyring.destroy("1/acme", "the contract is over")
    assert (gone.reason, gone.destroyed > 0) == ("the contract is over", True)
    assert base64.b64encode(kept) not in path.read_bytes()
    assert keyring.generate("1/acme", "c").key_id != old.key_id


@pytest.fixture
def secret(tmp_path: Path) -> Secrets:
    file = tmp_path / "passphrase"
    file.write_text("correct horse battery\n")
    file.chmod(0o600)
    return Secrets(passphrase_file=str(file))


def test_a_passphrase_shuts_the_file(path: Path, secret: Secrets, tmp_path: Path) -> None:
    keyring = LocalKeyring.open(path)
    made = keyring.generate("1/acme", "c")
    clear = read(path).keys[0].key
    keyring.protect("passphrase", secret)
    assert base64.b64encode(clear) not in path.read_bytes()
    assert LocalKeyring.open(path, secret).unwrap(made.wrapped, "c") == made.plain
    assert keyring.generate("1/other", "c").plain  # who has changed it goes on
    with pytest.raises(KeyUnavailable, match="wants its passphrase"):
        LocalKeyring.open(path)
    other = tmp_path / "other"
    other.write_text("correct horse batterx")
    other.chmod(0o600)
    with pytest.raises(KeyUnavailable, match="another passphrase"):
        LocalKeyring.open(path, Secrets(passphrase_file=str(other)))
    LocalKeyring.open(path, secret).protect("passphrase", Secrets(passphrase_file=str(other)))
    assert LocalKeyring.open(path, Secrets(passphrase_file=str(other))).unwrap(made.wrapped, "c") == made.plain
    with pytest.raises(KeyUnavailable, match="another passphrase"):
        LocalKeyring.open(path, secret)


def test_a_passphrase_may_come_from_the_environment_or_from_systemd(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE, "correct horse battery")
    made = LocalKeyring.open(path).generate("1/acme", "c")
    LocalKeyring.open(path).protect("passphrase", Secrets())
    assert LocalKeyring.open(path).unwrap(made.wrapped, "c") == made.plain
    monkeypatch.delenv(PASSPHRASE)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / CREDENTIAL).write_text("correct horse battery")
    (tmp_path / CREDENTIAL).chmod(0o400)
    assert LocalKeyring.open(path).unwrap(made.wrapped, "c") == made.plain


def test_a_key_file_shuts_the_file(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(bytes(range(32)))
    file.chmod(0o600)
    keyring = LocalKeyring.open(path)
    made = keyring.generate("1/acme", "c")
    keyring.protect("key-file", Secrets(key_file=str(file)))
    assert LocalKeyring.open(path, Secrets(key_file=str(file))).unwrap(made.wrapped, "c") == made.plain
    file.chmod(0o644)
    with pytest.raises(KeyUnavailable, match="chmod 600"):
        LocalKeyring.open(path, Secrets(key_file=str(file)))
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(KeyUnavailable, match="no key file"):
        LocalKeyring.open(path, Secrets(key_file=str(file)))


def test_a_file_that_cannot_be_read_for_a_while_is_no_lost_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = LocalKeyring.open(path)
    made = keyring.generate("1/acme", "c")
    path.chmod(0o644)
    assert keyring.unwrap(made.wrapped, "c") == made.plain
    monkeypatch.setattr("vault.keyring.GRACE_SECONDS", -1.0)
    with pytest.raises(KmsAway, match="chmod 600"):
        keyring.unwrap(made.wrapped, "c")
    path.rename(path.with_name("away"))
    with pytest.raises(KmsAway, match="No such file"):
        keyring.unwrap(made.wrapped, "c")
    path.with_name("away").rename(path)
    path.chmod(0o600)
    assert keyring.unwrap(made.wrapped, "c") == made.plain


def test_many_processes_may_change_it_at_once(path: Path) -> None:
    LocalKeyring.open(path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: LocalKeyring.open(path).generate(f"1/{number % 5}", "c"), range(20)))
        list(pool.map(lambda number: LocalKeyring.open(path).rotate(f"1/{number % 5}"), range(20)))
    found = [(one.name, one.version) for one in LocalKeyring.open(path).versions()]
    assert found == [(f"1/{number}", version) for number in range(5) for version in range(1, 6)]
