from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.services import ACCESS, SECRET, Service, bao, openbao, seaweedfs


@pytest.fixture(scope="session")
def bao_kms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """OpenBao with a key for the S3 service."""
    with openbao(tmp_path_factory.mktemp("bao") / "data") as service:
        bao(service, "transit/keys/bucket-key")
        yield service


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory, bao_kms: Service) -> Iterator[Service]:
    """SeaweedFS that encrypts under OpenBao's keys."""
    with seaweedfs(tmp_path_factory.mktemp("weed") / "data", bao_kms) as service:
        yield service


@pytest.fixture
def s3_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
