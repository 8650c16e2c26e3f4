"""The transit engine of OpenBao or Vault as a key service, over HTTP."""

import base64
import os
import ssl
from pathlib import Path
from typing import Any

import aiohttp

from vault.kms import KeyUnavailable, KmsAway

TOKENS = ("BAO_TOKEN", "VAULT_TOKEN")
_MAX_ANSWER = 64 * 1024


class Transit:
    """`token_file` is read at each request, so that a token may be renewed by whoever does; without it, the
    environment's BAO_TOKEN or VAULT_TOKEN is used."""

    def __init__(self, url: str, key: str, token_file: Path | None = None, ca_file: Path | None = None) -> None:
        """`url`: of the engine, e.g. https://bao.example.com:8200/v1/transit. Raises OSError, ssl.SSLError."""
        self._url = url.rstrip("/")
        self._key = key
        self._token_file = token_file
        self._ssl = ssl.create_default_context(cafile=str(ca_file)) if ca_file is not None else True
        self._session: aiohttp.ClientSession | None = None

    @property
    def key_id(self) -> str:
        return f"transit/{self._key}"

    async def wrap(self, plain: bytes, context: str) -> bytes:
        body = {"plaintext": _encoded(plain), "associated_data": _encoded(context.encode())}
        return (await self._ask("encrypt", body, "ciphertext")).encode()

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        try:
            body = {"ciphertext": wrapped.decode(), "associated_data": _encoded(context.encode())}
        except UnicodeDecodeError:
            raise KeyUnavailable("the key was wrapped by another service, or is damaged") from None
        try:
            return base64.b64decode(await self._ask("decrypt", body, "plaintext"), validate=True)
        except ValueError:
            raise KmsAway("the key service answers nonsense") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _ask(self, act: str, body: dict[str, str], member: str) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        headers = {"X-Vault-Token": self._token()}
        url = f"{self._url}/{act}/{self._key}"
        try:
            async with self._session.post(
                url, json=body, headers=headers, ssl=self._ssl, allow_redirects=False
            ) as answer:
                if answer.status != 200:
                    raise _refusal(answer.status)
                if (answer.content_length or 0) > _MAX_ANSWER:
                    raise ValueError
                told: Any = await answer.json()
                return str(told["data"][member])
        except (ValueError, LookupError, TypeError, aiohttp.ContentTypeError):
            raise KmsAway("the key service answers nonsense") from None
        except (aiohttp.ClientError, OSError) as error:
            raise KmsAway(f"the key service cannot be reached: {type(error).__name__}") from None

    def _token(self) -> str:
        """Raises KmsAway."""
        try:
            if self._token_file is not None:
                return self._token_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise KmsAway("the key service's token file cannot be read") from None
        return next((os.environ[name] for name in TOKENS if os.environ.get(name)), "")


def _refusal(status: int) -> Exception:
    """400 is a key that is not there any more, or a wrapped key that is not this one's; all else can be put right."""
    if status == 400:
        return KeyUnavailable("the master key is gone, or the key was wrapped for another context or is damaged")
    if status == 403:
        return KmsAway("the key service refuses us: see the token and its policy")
    return KmsAway(f"the key service answers {status}")


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
