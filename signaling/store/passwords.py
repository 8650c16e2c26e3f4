"""Passwords as argon2id hashes. Hashing takes long on purpose, so it runs beside the loop, few at a time."""

import asyncio
import os
import secrets
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from vault.pii import Pii

Result = TypeVar("Result")

AT_ONCE = 2
"""Each takes 64 MiB."""
LOWEST = 19
"""The priority of the threads that hash: whoever tries many passwords must not take a core from the calls' sound."""


class Passwords:
    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """`hasher` gives the cost; the default is RFC 9106's second choice (64 MiB, three passes)."""
        self._hasher = hasher or PasswordHasher()
        self._executor = ThreadPoolExecutor(AT_ONCE, "passwords", _step_back)
        self._nobody = ""

    async def open(self) -> None:
        """Makes the hash that unknown users are verified against, so that they take as long as the known."""
        self._nobody = await self.hash(Pii(secrets.token_urlsafe()))

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: Pii[str]) -> str:
        """An argon2id hash with its own salt, in the PHC string format."""
        return await self._run(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, stored: str | None, password: Pii[str]) -> bool:
        """Whether the password is the one of `stored`; with None the same time passes and the answer is no."""
        right = await self._run(lambda: self._matches(stored or self._nobody, password))
        return right and stored is not None

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _matches(self, stored: str, password: Pii[str]) -> bool:
        try:
            return self._hasher.verify(stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False


def _step_back() -> None:
    """Linux keeps a priority for each thread, and argon2's own threads inherit it."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)


def _bytes(password: Pii[str]) -> bytes:
    """Half a surrogate pair is no UTF-8, but may well come in JSON: it is a wrong password like any other."""
    return password.reveal().encode("utf-8", "surrogatepass")
