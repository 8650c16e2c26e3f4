"""The demo instance of a first start: made once, its sign-ins kept in a file that only our user may read."""

import os
import secrets
from pathlib import Path

import msgspec

from signaling.commands.upkeep import change
from signaling.node.ready import SignIn
from signaling.store.demo import demo_directory
from signaling.store.store import Store
from vault.pii import Pii

ROLES = {"agent": "Agent", "supervisor": "Supervisor"}


async def ensure_demo(store: Store, path: Path) -> None:
    """Makes the demo instance when the store has no instance at all."""
    if await store.directories():
        return
    directory = demo_directory()
    passwords = {user.username: secrets.token_urlsafe(9) for user in directory.users}
    sign_ins = [
        SignIn(directory.tenant.alias, user.username, passwords[user.username], ROLES.get(user.username, "User"))
        for user in directory.users
    ]
    _write(path, msgspec.json.encode(sign_ins))
    await store.audit(directory.tenant, change(directory, "allowed"))
    await store.save_directory(directory, {name: Pii(password) for name, password in passwords.items()})


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
