import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from signaling.store.passwords import LOWEST, Passwords
from tests.signaling.store.samples import cheap
from vault.pii import Pii


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    passwords = cheap()
    await passwords.open()
    yield passwords
    passwords.close()


async def test_a_hash_is_salted_and_fits_its_password_only(passwords: Passwords) -> None:
    one, other = await asyncio.gather(passwords.hash(Pii("secret")), passwords.hash(Pii("secret")))
    assert one != other and "secret" not in one
    assert await passwords.verify(one, Pii("secret"))
    assert not await passwords.verify(one, Pii("Secret"))
    assert not await passwords.verify("no hash", Pii("secret"))


async def test_unknown_users_are_verified_too(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    matches = Passwords._matches

    def counting(self: Passwords, stored: str, password: Pii[str]) -> bool:
        tried.append(stored)
        return matches(self, stored, password)

    monkeypatch.setattr(Passwords, "_matches", counting)
    known = await passwords.hash(Pii("secret"))
    assert not await passwords.verify(None, Pii("secret"))
    assert not await passwords.verify(known, Pii("wrong"))
    costs = [extract_parameters(stored) for stored in tried]
    assert len(costs) == 2 and costs[0] == costs[1]


async def test_the_default_is_argon2id_at_its_recommended_cost() -> None:
    passwords = Passwords()
    parameters = extract_parameters(await passwords.hash(Pii("secret")))
    passwords.close()
    assert parameters.type is Type.ID and parameters.memory_cost >= 65536 and parameters.time_cost >= 3


async def test_hashing_yields_to_the_calls(passwords: Passwords) -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id() if sys.platform == "linux" else 0)

    ours = priority()
    assert await passwords._run(priority) == (LOWEST if sys.platform == "linux" else ours)
    assert priority() == ours
