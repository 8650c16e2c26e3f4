"""AWS's KMS, or what speaks like it, as a key service."""

import asyncio
import contextlib
from typing import Any

from aiobotocore.config import AioConfig
from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from vault.aws_sessions import new_session
from vault.kms import KeyUnavailable, KeyVersion, KmsAway

_GONE = frozenset(
    {
        "DisabledException",
        "IncorrectKeyException",
        "InvalidCiphertextException",
        "KMSInvalidStateException",
        "NotFoundException",
    }
)
_CONTEXT = "telephonist"
NONSENSE = "the key service answers nonsense"


class AwsKms:
    """Credentials come from the environment, the machine's role, or a profile of the shared credentials file."""

    def __init__(self, region: str = "", endpoint: str = "", profile: str = "") -> None:
        self._where = {"region_name": region or None, "endpoint_url": endpoint or None}
        self._profile = profile
        self._opening = asyncio.Lock()
        self._stack = contextlib.AsyncExitStack()
        self._opened: Any = None

    def key_id(self, key: str) -> str:
        return key

    async def wrap(self, key: str, plain: bytes, context: str) -> bytes:
        answer = await self._ask("encrypt", KeyId=key, Plaintext=plain, EncryptionContext={_CONTEXT: context})
        return _bytes(answer, "CiphertextBlob")

    async def unwrap(self, key: str, wrapped: bytes, context: str) -> bytes:
        """The ciphertext names its key itself, also one that an alias has meant since."""
        answer = await self._ask("decrypt", CiphertextBlob=wrapped, EncryptionContext={_CONTEXT: context})
        return _bytes(answer, "Plaintext")

    async def rewrap(self, key: str, wrapped: bytes, context: str) -> bytes | None:
        """Always anew: a ciphertext does not tell by which version of its key it was made."""
        both = {"SourceEncryptionContext": {_CONTEXT: context}, "DestinationEncryptionContext": {_CONTEXT: context}}
        answer = await self._ask("re_encrypt", CiphertextBlob=wrapped, DestinationKeyId=key, **both)
        return _bytes(answer, "CiphertextBlob")

    async def versions(self, key: str) -> list[KeyVersion]:
        id = await self._id(key)
        told, rotated = await self._ask("describe_key", KeyId=id), await self._ask("list_key_rotations", KeyId=id)
        try:
            about = told["KeyMetadata"]
            made = [about["CreationDate"].timestamp()]
            made += sorted(one["RotationDate"].timestamp() for one in rotated.get("Rotations", ()))
            gone = "" if about["Enabled"] else str(about["KeyState"])
        except (LookupError, TypeError, AttributeError):
            raise KmsAway(NONSENSE) from None
        return [
            KeyVersion(key, number, id, at, number == len(made) and not gone, reason=gone)
            for number, at in enumerate(made, 1)
        ]

    async def rotate(self, key: str) -> None:
        await self._ask("rotate_key_on_demand", KeyId=await self._id(key))

    async def destroy(self, key: str) -> None:
        """Disabled at once; deleted after the shortest time that AWS allows, which is a week."""
        id = await self._id(key)
        await self._ask("disable_key", KeyId=id)
        await self._ask("schedule_key_deletion", KeyId=id, PendingWindowInDays=7)

    async def _id(self, key: str) -> str:
        """These operations take no alias."""
        told = await self._ask("describe_key", KeyId=key)
        try:
            return str(told["KeyMetadata"]["KeyId"])
        except (LookupError, TypeError):
            raise KmsAway(NONSENSE) from None

    async def close(self) -> None:
        await self._stack.aclose()

    async def _ask(self, act: str, **asked: Any) -> Any:
        try:
            return await getattr(await self._client(), act)(**asked)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _GONE:
                raise KeyUnavailable(f"the master key cannot be used: {code}") from None
            raise KmsAway("the key service refuses us or fails") from None
        except (
            BotoCoreError,
            ResponseParserError,
            HttpError,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ) as error:
            raise KmsAway(f"the key service cannot be reached: {type(error).__name__}") from None

    async def _client(self) -> Any:
        async with self._opening:
            if self._opened is None:
                config = AioConfig(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
                session = new_session(self._profile)
                self._opened = await self._stack.enter_async_context(
                    session.create_client("kms", config=config, **self._where)
                )
        return self._opened


def _bytes(answer: Any, member: str) -> bytes:
    """Raises KmsAway: a proxy may say 200 to anything."""
    value = answer.get(member) if isinstance(answer, dict) else None
    if not isinstance(value, bytes) or not value:
        raise KmsAway(NONSENSE)
    return value
