"""AWS's KMS, or what speaks like it, as a key service."""

import asyncio
import contextlib
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError

from vault.kms import KeyUnavailable, KmsAway

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


class AwsKms:
    """Credentials come from the environment, the machine's role, or a profile of the shared credentials file."""

    def __init__(self, key: str, region: str = "", endpoint: str = "", profile: str = "") -> None:
        self._key = key
        self._where = {"region_name": region or None, "endpoint_url": endpoint or None}
        self._profile = profile or None
        self._opening = asyncio.Lock()
        self._stack = contextlib.AsyncExitStack()
        self._opened: Any = None

    @property
    def key_id(self) -> str:
        return self._key

    async def wrap(self, plain: bytes, context: str) -> bytes:
        answer = await self._ask("encrypt", KeyId=self._key, Plaintext=plain, EncryptionContext={_CONTEXT: context})
        return bytes(answer["CiphertextBlob"])

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        answer = await self._ask("decrypt", CiphertextBlob=wrapped, EncryptionContext={_CONTEXT: context})
        return bytes(answer["Plaintext"])

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
        except (BotoCoreError, HttpError, OSError, ValueError, LookupError) as error:
            raise KmsAway(f"the key service cannot be reached: {type(error).__name__}") from None

    async def _client(self) -> Any:
        async with self._opening:
            if self._opened is None:
                config = AioConfig(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
                session = AioSession(profile=self._profile)
                self._opened = await self._stack.enter_async_context(
                    session.create_client("kms", config=config, **self._where)
                )
        return self._opened
