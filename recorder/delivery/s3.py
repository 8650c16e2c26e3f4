"""A bucket of an S3 service as a store.

One request at a time goes out for each call, each with a deadline that follows from its size, and the service's word
is never taken for it: what comes back with other lengths, checksums or protection than asked for is an error. Large
objects go up in parts; what an interrupted upload left of them is removed before the key is tried again. Botocore's
own retries are off: who delivers decides when to try again.
"""

import asyncio
import base64
import contextlib
import hashlib
import re
from collections.abc import AsyncGenerator, Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from aiobotocore.config import AioConfig
from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

from recorder.delivery.names import check_key
from recorder.delivery.sources import Source, sha256
from recorder.delivery.storage import Storage
from recorder.delivery.stores import Info
from recorder.errors import BadKey, Damaged, KeyTaken, NoSuchObject, StoreFailed
from vault.aws_sessions import new_session

_CODE = re.compile(r"[A-Za-z0-9]{1,64}")
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_TAKEN = frozenset({"412", "PreconditionFailed"})
_REFUSED = frozenset({"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})
_PAGES = 100
"""Of versions of one object, 1,000 each; more is nonsense."""
Answer = TypeVar("Answer")


class Limits(NamedTuple):
    connect: float = 5.0
    """Seconds to reach the service."""
    answer: float = 30.0
    """Seconds that any request may take, and as many more as its bytes take at `rate`."""
    rate: float = 32 * 1024.0
    """Bytes a second: slower than this is as good as away."""
    part: int = 8 * 1024 * 1024
    """Bytes of a part, and what an upload holds in memory. S3 wants at least 5 MiB."""
    connections: int = 4


class S3Store:
    """`close` it when it is no longer needed."""

    def __init__(self, storage: Storage, limits: Limits | None = None) -> None:
        self._storage = storage
        self._limits = limits or Limits()
        self._opening = asyncio.Lock()
        self._stack = contextlib.AsyncExitStack()
        self._opened: Any = None

    async def close(self) -> None:
        await self._stack.aclose()
        self._opened = None

    async def put(self, key: str, source: Source, replaces: str = "") -> None:
        name = self._name(key)
        if source.size <= self._limits.part:
            await self._put_whole(name, source, replaces)
        else:
            await self._put_parts(name, source, replaces)

    async def matches(self, key: str, source: Source) -> bool | None:
        client = await self._client()
        found = await self._ask(client.head_object(**self._at(self._name(key)), ChecksumMode="ENABLED"))
        self._check_protection(found)
        told = found.get("ChecksumSHA256")
        if told is None:
            return None
        return bool(found.get("ContentLength") == source.size and told == await self._checksum(source))

    async def info(self, key: str) -> Info:
        client = await self._client()
        found = await self._ask(client.head_object(**self._at(self._name(key))))
        return Info(int(_told(found, "ContentLength")), found.get("Metadata", {}), str(found.get("ETag", "")))

    async def read(self, key: str, start: int, length: int) -> bytes:
        client = await self._client()
        wanted = f"bytes={start}-{start + length - 1}"
        try:
            return await self._ask(_range(client, {**self._at(self._name(key)), "Range": wanted}, length), length)
        except _OutOfRange:
            return b""

    async def delete(self, key: str) -> None:
        await self._delete(self._name(key))

    async def erase(self, key: str) -> None:
        await self._erase(self._name(key))

    async def list_keys(self, prefix: str = "") -> AsyncGenerator[str]:
        client, after = await self._client(), ""
        while True:
            asked = {"Bucket": self._storage.bucket, "Prefix": self._storage.prefix + prefix, "StartAfter": after}
            page = await self._ask(client.list_objects_v2(**asked))
            names = [str(entry.get("Key", "")) for entry in page.get("Contents", ())]
            for name in names:
                key = name.removeprefix(self._storage.prefix)
                with contextlib.suppress(BadKey):  # not ours: we have put no such name
                    check_key(key)
                    yield key
            if not page.get("IsTruncated"):
                return
            if not names or names[-1] <= after:
                raise StoreFailed("the bucket answers nonsense: its listing does not go on")
            after = names[-1]

    # One object.

    async def _delete(self, name: str, **version: str) -> bool:
        """Whether the bucket keeps versions."""
        client = await self._client()
        with contextlib.suppress(NoSuchObject):
            told = await self._ask(client.delete_object(**self._at(name), **version))
            if told["ResponseMetadata"]["HTTPStatusCode"] != 204:
                raise StoreFailed("the bucket answers nonsense: it does not say that it has deleted")
            return bool(told.get("DeleteMarker"))
        return False

    async def _erase(self, name: str) -> None:
        """Where versions are kept, what is deleted is one more of them, and each must be removed by itself."""
        if not await self._delete(name):
            return
        for _ in range(_PAGES):
            versions = await self._versions(name)
            for version in versions:
                await self._delete(name, VersionId=version)
            if not versions:
                return
        raise StoreFailed("the bucket answers nonsense: what it has deleted is still there")

    async def _versions(self, name: str) -> list[str]:
        """The first ones that there are of the object; others' names that begin like its own come behind."""
        client = await self._client()
        page = await self._ask(client.list_object_versions(Bucket=self._storage.bucket, Prefix=name))
        entries = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        return [str(_told(entry, "VersionId")) for entry in entries if entry.get("Key") == name]

    async def _put_whole(self, name: str, source: Source, replaces: str) -> None:
        client = await self._client()
        body = await asyncio.to_thread(source.read, 0, source.size)
        digest = await asyncio.to_thread(_sum, body)
        asked = {**self._at(name), **self._wishes(source), **_only_if(replaces)}
        told = await self._ask(client.put_object(**asked, Body=body, ChecksumSHA256=digest), len(body))
        _told(told, "ETag")
        try:
            self._check_protection(told)
        except Damaged as error:
            await self._erase(name)  # it is there in clear
            raise StoreFailed(str(error)) from None

    async def _put_parts(self, name: str, source: Source, replaces: str) -> None:
        client = await self._client()
        await self._abort_all(name)
        asked = {**self._at(name), **self._wishes(source), "ChecksumAlgorithm": "SHA256"}
        upload = {
            **self._at(name),
            "UploadId": _told(await self._ask(client.create_multipart_upload(**asked)), "UploadId"),
        }
        try:
            parts = [await self._put_part(upload, number, source) for number in range(1, self._count(source) + 1)]
            done = {"MultipartUpload": {"Parts": parts}, **_only_if(replaces)}
            _told(await self._ask(client.complete_multipart_upload(**upload, **done)), "ETag")
        except BaseException:
            # What cannot be aborted now is, before the key is tried again.
            with contextlib.suppress(StoreFailed, NoSuchObject):
                await self._ask(client.abort_multipart_upload(**upload))
            raise

    async def _put_part(self, upload: dict[str, Any], number: int, source: Source) -> dict[str, Any]:
        client = await self._client()
        body = await asyncio.to_thread(source.read, (number - 1) * self._limits.part, self._limits.part)
        digest = await asyncio.to_thread(_sum, body)
        part = {"PartNumber": number, "ChecksumSHA256": digest}
        told = await self._ask(client.upload_part(**upload, **part, Body=body), len(body))
        try:
            self._check_protection(told)
        except Damaged as error:
            raise StoreFailed(str(error)) from None
        return {**part, "ETag": _told(told, "ETag")}

    async def _abort_all(self, name: str) -> None:
        client = await self._client()
        found = await self._ask(client.list_multipart_uploads(Bucket=self._storage.bucket, Prefix=name))
        for upload in found.get("Uploads", ()):
            if upload.get("Key") == name and upload.get("UploadId"):
                with contextlib.suppress(NoSuchObject):
                    await self._ask(client.abort_multipart_upload(**self._at(name), UploadId=upload["UploadId"]))

    def _count(self, source: Source) -> int:
        return -(-source.size // self._limits.part)

    async def _checksum(self, source: Source) -> str:
        """As S3 tells it: of an object in parts it is the checksum of their checksums, and their number."""
        if source.size <= self._limits.part:
            return _encoded(await asyncio.to_thread(sha256, source, 0, source.size))
        part, digest = self._limits.part, hashlib.sha256()
        for start in range(0, source.size, part):
            digest.update(await asyncio.to_thread(sha256, source, start, min(part, source.size - start)))
        return f"{_encoded(digest.digest())}-{self._count(source)}"

    def _wishes(self, source: Source) -> dict[str, Any]:
        """How the object is to be kept."""
        storage = self._storage
        wishes: dict[str, Any] = {"Metadata": dict(source.labels)}
        if storage.encrypted:
            wishes |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": storage.kms_key}
        if storage.locked:
            until = datetime.now(UTC) + timedelta(days=storage.retention_days)
            wishes |= {"ObjectLockMode": storage.lock.upper(), "ObjectLockRetainUntilDate": until}
        if storage.tags:
            wishes["Tagging"] = urlencode(storage.tags)
        return wishes

    def _check_protection(self, told: dict[str, Any]) -> None:
        """Raises Damaged."""
        if self._storage.encrypted and told.get("ServerSideEncryption") != "aws:kms":
            raise Damaged("the bucket does not encrypt under its KMS, as it was asked to")

    def _name(self, key: str) -> str:
        """Raises BadKey."""
        check_key(key)
        return self._storage.prefix + key

    def _at(self, name: str) -> dict[str, Any]:
        return {"Bucket": self._storage.bucket, "Key": name}

    # The service.

    async def _client(self) -> Any:
        """Raises StoreFailed."""
        async with self._opening:
            if self._opened is None:
                with _translated():
                    self._opened = await self._stack.enter_async_context(self._new_client())
        return self._opened

    def _new_client(self) -> Any:
        storage, limits = self._storage, self._limits
        config = AioConfig(
            connect_timeout=limits.connect,
            read_timeout=limits.answer + limits.part / limits.rate,
            retries={"total_max_attempts": 1},
            max_pool_connections=limits.connections,
            s3={"addressing_style": "path" if storage.endpoint else "auto"},
        )
        session = new_session(storage.credentials)
        return session.create_client(
            "s3", region_name=storage.region or None, endpoint_url=storage.endpoint or None, config=config
        )

    async def _ask(self, asked: Awaitable[Answer], size: int = 0) -> Answer:
        """The answer, in time for `size` bytes to be moved. Raises StoreFailed, NoSuchObject, KeyTaken."""
        with _translated():
            async with asyncio.timeout(self._limits.answer + size / self._limits.rate):
                return await asked


class _OutOfRange(StoreFailed):
    """The object ends before the range begins; to any other request it is nonsense."""


async def _range(client: Any, asked: dict[str, Any], length: int) -> bytes:
    found = await client.get_object(**asked)
    async with found["Body"] as body:
        if int(_told(found, "ContentLength")) > length:  # a service that knows no ranges must not fill our memory
            raise StoreFailed("the bucket answers nonsense: more than was asked for")
        data: bytes = await body.read()
    return data


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """What went wrong, in our words: nothing that a stranger answered gets into them but a code that looks like one."""
    try:
        yield
    except ClientError as error:
        raise _as_ours(error) from None
    except TimeoutError:
        raise StoreFailed("the bucket does not answer in time") from None
    except NoCredentialsError:
        raise StoreFailed("there are no credentials for the bucket: set the environment or the profile") from None
    except (ResponseParserError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StoreFailed(f"the bucket answers nonsense: {type(error).__name__}") from None
    except (HTTPClientError, NoConnection, HttpError, OSError) as error:
        raise StoreFailed(f"the bucket cannot be reached: {type(error).__name__}") from None
    except BotoCoreError as error:
        raise StoreFailed(f"the bucket cannot be used: {type(error).__name__}") from None


def _as_ours(error: ClientError) -> Exception:
    response: dict[str, Any] = dict(error.response)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(response.get("Error", {}).get("Code", ""))
    if not _CODE.fullmatch(code):
        code = "something that is no error of S3"
    if code in _ABSENT:
        return NoSuchObject("nothing is stored under this key")
    if code in _TAKEN:
        return KeyTaken("something is stored under the key already")
    if code in ("416", "InvalidRange"):
        return _OutOfRange("the bucket answers nonsense: 416")
    if code in _REFUSED:
        return StoreFailed(f"the bucket refuses us: {code}")
    return StoreFailed(f"the bucket answers {status}: {code}")


def _only_if(replaces: str) -> dict[str, str]:
    return {"IfMatch": replaces} if replaces else {"IfNoneMatch": "*"}


def _told(answer: dict[str, Any], member: str) -> Any:
    """What every answer of its kind has. Raises StoreFailed: a proxy or a router may say 200 to anything."""
    if answer.get(member) in (None, ""):
        raise StoreFailed(f"the bucket answers nonsense: no {member}")
    return answer[member]


def _sum(data: bytes) -> str:
    return _encoded(hashlib.sha256(data).digest())


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
