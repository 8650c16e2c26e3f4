"""Real services for the tests, on free ports of the loopback interface: SeaweedFS as S3, OpenBao and moto as KMS."""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 40.0
ACCESS, SECRET = "AKTELEPHONIST", "secret-of-the-tests"
TOKEN = "token-of-the-tests"
_BIN = Path(sys.executable).parent
_libc = ctypes.CDLL(None)
_MOTO = """
import sys
from wsgiref.simple_server import make_server
from moto.server import DomainDispatcherApplication, create_backend_app
make_server("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app)).serve_forever()
"""
"""moto_server itself sends two Server headers, which aiohttp does not take while asyncio's debug mode is on."""


class Service(NamedTuple):
    url: str
    pid: int


@contextmanager
def seaweedfs(folder: Path, kms: Service | None = None) -> Iterator[Service]:
    """An S3 service for ACCESS and SECRET; with `kms`, an OpenBao, SSE-KMS under its transit keys."""
    ports = free_ports(8)
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc = map(str, ports)
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    credentials = [{"accessKey": ACCESS, "secretKey": SECRET}]
    config: dict[str, Any] = {"identities": [{"name": "tests", "credentials": credentials, "actions": actions}]}
    if kms is not None:
        bao = {"type": "openbao", "address": kms.url, "token": TOKEN, "transit_path": "transit"}
        config["kms"] = {"default_provider": "bao", "providers": {"bao": bao}}
    folder.mkdir()
    (folder / "s3.json").write_text(json.dumps(config))
    command = (
        _BIN / "weed", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64", "-volume.max=20", "-filer", "-s3", f"-s3.config={folder / 's3.json'}",
        "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-master.port={master}", f"-master.port.grpc={master_grpc}", f"-volume.port={volume}",
        f"-volume.port.grpc={volume_grpc}", f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}",
        f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}",
    )  # fmt: skip
    url = f"http://127.0.0.1:{s3}"
    with _running(command, folder / "log") as pid:
        _until_answered(f"{url}/status", folder / "log")
        yield Service(url, pid)


@contextmanager
def openbao(folder: Path) -> Iterator[Service]:
    """A key service with a transit engine, for TOKEN."""
    (port,) = free_ports(1)
    folder.mkdir()
    url = f"http://127.0.0.1:{port}"
    command = (
        _BIN / "bao", "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={TOKEN}",
        f"-dev-listen-address=127.0.0.1:{port}",
    )  # fmt: skip
    with _running(command, folder / "log", {"HOME": str(folder)}) as pid:
        service = Service(url, pid)
        _until_answered(f"{url}/v1/sys/health", folder / "log")
        bao(service, "sys/mounts/transit", {"type": "transit"})
        yield service


@contextmanager
def moto_kms(folder: Path) -> Iterator[Service]:
    """What stands in for AWS's KMS."""
    (port,) = free_ports(1)
    folder.mkdir()
    command = (sys.executable, "-c", _MOTO, str(port))
    with _running(command, folder / "log") as pid:
        url = f"http://127.0.0.1:{port}"
        _until_answered(f"{url}/moto-api/data.json", folder / "log")
        _first_request(url)
        yield Service(url, pid)


def _first_request(url: str) -> None:
    """It reads its models at the first request, which takes longer than anybody waits for a key service."""
    scope = "Credential=x/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=x"
    request = urllib.request.Request(url, b"{}", method="POST")
    request.add_header("Authorization", f"AWS4-HMAC-SHA256 {scope}")
    request.add_header("Content-Type", "application/x-amz-json-1.1")
    request.add_header("X-Amz-Target", "TrentService.ListKeys")
    urllib.request.urlopen(request, timeout=SECONDS).close()


def bao(service: Service, path: str, body: Mapping[str, Any] | None = None, method: str = "POST") -> dict[str, Any]:
    """Asks OpenBao as its administrator."""
    request = urllib.request.Request(f"{service.url}/v1/{path}", json.dumps(body or {}).encode(), method=method)
    request.add_header("X-Vault-Token", TOKEN)
    with urllib.request.urlopen(request, timeout=10) as response:
        told: dict[str, Any] = json.loads(response.read() or b"{}")
    return told


def pause(service: Service) -> None:
    """It does not answer any more, and its connections hang; it is our child, so we are told when all of it stands."""
    os.kill(service.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, service.pid, os.WSTOPPED)


def resume(service: Service) -> None:
    os.kill(service.pid, signal.SIGCONT)


def free_ports(count: int) -> list[int]:
    """Ports that nobody has just now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for taken in sockets:
            taken.bind(("127.0.0.1", 0))
        return [int(taken.getsockname()[1]) for taken in sockets]


@contextmanager
def _running(command: tuple[str | Path, ...], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """Killed and not asked to end: what it has is thrown away, and it would take its time."""
    assert shutil.which(command[0]), f"{command[0]} is not installed: scripts/install test"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            preexec_fn=_die_with_parent,
        )
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _die_with_parent() -> None:
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _until_answered(url: str, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)  # nobody tells when a port will be listened on
    raise TimeoutError(f"no answer from {url}: {log.read_text(errors='replace')[-2000:]}")
