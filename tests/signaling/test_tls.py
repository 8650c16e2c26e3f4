import ssl
import stat
from pathlib import Path

import pytest

from signaling.errors import ConfigError
from signaling.tls import self_signed, server_context


def test_a_certificate_is_made_once_and_can_be_used(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path / "tls", "192.0.2.7")
    first = certificate.read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert self_signed(tmp_path / "tls", "192.0.2.7")[0].read_bytes() == first
    context = server_context(certificate, key)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert all("ECDHE" in cipher["name"] or cipher["protocol"] == "TLSv1.3" for cipher in context.get_ciphers())


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.pem"):
        server_context(tmp_path / "nothing.pem", tmp_path / "nothing.key")
