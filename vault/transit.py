"""The transit engine of OpenBao or Vault as a key service, over HTTP."""

import base64
import os
import ssl
from pathlib import Path
from typing import Any

import aiohttp

from vault.kms import KeyUnavailable, KeyVersion, KmsAway

TOKENS = ("BAO_TOKEN", "VAULT_TOKEN")
_MAX_ANSWER = 64 * 1024


class Transit:
    """`token_file` is read at each request, so that a token may be renewed by whoever does; without it, the
    environment's BAO_TOKEN or VAULT_TOKEN is used."""

    def __init__(self, url: str, token_file: Path | None = None, ca_file: Path | None = None) -> None:
        """`url`: of the engine, e.g. https://bao.example.com:8200/v1/transit. Raises OSError, ssl.SSLError."""
        self._url = url.rstrip("/")
        self._token_file = token_file
        self._ssl = ssl.create_default_context(cafile=str(ca_file)) if ca_file is not None else True
        self._session: aiohttp.ClientSession | None = None

    def key_id(self, key: str) -> str:
        return f"transit/{key}"

    async def wrap(self, key: str, plain: bytes, context: str) -> bytes:
        body = {"plaintext": _encoded(plain), "associated_data": _encoded(context.encode())}
        return (await self._data(f"encrypt/{key}", body, "ciphertext")).encode()

    async def unwrap(self, key: str, wrapped: bytes, context: str) -> bytes:
        told = await self._data(f"decrypt/{key}", _sealed(wrapped, context), "plaintext")
        try:
            return base64.b64decode(told, validate=True)
        except ValueError:
            raise KmsAway("the key service answers nonsense") from None

    async def rewrap(self, key: str, wrapped: bytes, context: str) -> bytes | None:
        """By way of the plain key: the engine's own rewrap takes no associated data. What it made names its version,
        `vault:v2:…`."""
        made = await self.wrap(key, await self.unwrap(key, wrapped, context), context)
        return made if made.split(b":")[:2] != wrapped.split(b":")[:2] else None

    async def versions(self, key: str) -> list[KeyVersion]:
        told = await self._ask("GET", f"keys/{key}")
        try:
            made = {int(number): _created(at) for number, at in dict(told["data"]["keys"]).items()}
            newest = int(told["data"]["latest_version"])
        except (ValueError, LookupError, TypeError):
            raise KmsAway("the key service answers nonsense") from None
        return [
            KeyVersion(self.key_id(key), number, f"v{number}", at, number == newest)
            for number, at in sorted(made.items())
        ]

    async def rotate(self, key: str) -> None:
        await self._ask("POST", f"keys/{key}/rotate")

    async def destroy(self, key: str) -> None:
        await self._ask("POST", f"keys/{key}/config", {"deletion_allowed": True})
        await self._ask("DELETE", f"keys/{key}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _data(self, path: str, body: dict[str, Any], member: str) -> str:
        told = await self._ask("POST", path, body)
        try:
            return str(told["data"][member])
        except (LookupError, TypeError):
            raise KmsAway("the key service answers nonsense") from None

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What it answers; None when it has nothing to say."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        headers = {"X-Vault-Token": self._token()}
        try:
            async with self._session.request(
                method, f"{self._url}/{path}", json=body, headers=headers, ssl=self._ssl, allow_redirects=False
            ) as answer:
                if answer.status == 204:
                    return None
                if answer.status != 200:
                    raise _refusal(answer.status)
                if (answer.content_length or 0) > _MAX_ANSWER:
                    raise ValueError
                return await answer.json()
        except (ValueError, aiohttp.ContentTypeError):
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
    """400 is a key that is not there any more, or a wrapped key that is not this one's; so is 404, for who asks about
    the key itself. All else can be put right."""
    if status in (400, 404):
        return KeyUnavailable("the master key is gone, or the key was wrapped for another context or is damaged")
    if status == 403:
        return KmsAway("the key service refuses us: see the token and its policy")
    return KmsAway(f"the key service answers {status}")


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _sealed(wrapped: bytes, context: str) -> dict[str, str]:
    try:
        return {"ciphertext": wrapped.decode(), "associated_data": _encoded(context.encode())}
    except UnicodeDecodeError:
        raise KeyUnavailable("the key was wrapped by another service, or is damaged") from None


def _created(told: Any) -> float:
    """Keys of some kinds tell more of a version than its time."""
    return float(told) if isinstance(told, int) else 0.0
