"""A service that answers every request with nonsense, from a seed: whatever a proxy, a router or a stranger may say."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator

MARK = "S3CR3T-OF-A-STRANGER"
"""In all that it says in words; none of it may get into an error of ours."""
_STATUSES = (200, 200, 200, 204, 206, 301, 304, 400, 403, 404, 409, 412, 416, 429, 500, 503, 799)
_BODIES = (
    b"",
    f"<html>{MARK}</html>".encode(),
    f"<Error><Code>{MARK}</Code><Message>{MARK}</Message></Error>".encode(),
    b"<Error><Code>NoSuchKey</Code></Error>",
    b"<Error><Code>PreconditionFailed</Code></Error>",
    b"<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>../../etc</Key></Contents></ListBucketResult>",
    b"<ListBucketResult><IsTruncated>maybe</IsTruncated><Contents><Size>x</Size></Contents></ListBucketResult>",
    b"<ListMultipartUploadsResult><Upload><Key>k</Key><Initiated>never</Initiated></Upload></ListMultipartUploadsResult>",
    b"<InitiateMultipartUploadResult><UploadId></UploadId></InitiateMultipartUploadResult>",
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b '" + b"c" * 100 + b"'>]><a>&b;&b;</a>",
    b"<Error><Code>" + b"x" * 5000,
    b"\xff\xfe\x00" * 50,
    json.dumps({"data": {"ciphertext": 7, "plaintext": MARK}}).encode(),
    json.dumps({"data": {"plaintext": "AAAA", "keys": {MARK: "x"}, "latest_version": []}}).encode(),
    json.dumps({"data": [MARK]}).encode(),
    b'{"data": null}',
    b"[]",
    b"{" * 500,
    b'{"CiphertextBlob": 7, "Plaintext": "%%%", "KeyMetadata": {"KeyId": null}}',
)
_HEADERS = (
    "ETag: \"x\"", "ETag:", "Content-Type: application/json", "Content-Type: application/xml",
    "Content-Type: text/html; charset=klingon", "Content-Range: bytes 9-1/x", "x-amz-checksum-sha256: zz",
    "x-amz-server-side-encryption: rot13", "x-amz-meta-recording: \xe4", "Last-Modified: yesterday",
    "Location: http://127.0.0.1:1/", "x-amz-object-lock-retain-until-date: never", "Content-Encoding: gzip",
    "Transfer-Encoding: chunked", "x-amz-missing-meta: many", f"x-amz-request-id: {MARK}",
)  # fmt: skip


def answer(generator: random.Random) -> bytes:
    """What it sends; the length that it tells may be another."""
    if generator.random() < 0.05:
        return generator.randbytes(generator.randrange(200))
    body = generator.choice(_BODIES)
    length = generator.choice((len(body), len(body), len(body), 0, len(body) + 7, -1, 1 << 40))
    lines = [f"HTTP/1.1 {generator.choice(_STATUSES)} {MARK}", f"Content-Length: {length}"]
    lines += generator.sample(_HEADERS, generator.randrange(4))
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


@contextlib.asynccontextmanager
async def nonsense(seed: int) -> AsyncIterator[str]:
    """The URL of the service."""
    generator = random.Random(seed)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer(generator))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
