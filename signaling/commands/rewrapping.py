"""`telephonist keys rewrap`: every data key of an instance under the newest version of its master key, with the node
running or stopped. It may be killed anywhere and begun again."""

import asyncio
import sys
from collections.abc import AsyncIterator

import msgspec

from recorder.api import RewrapProgress, Tally
from signaling.center.resources import Tenant
from signaling.commands.key_care import KeyCare
from signaling.errors import FolderError
from signaling.node.folder import take_lock
from signaling.node.places import Places, rewrapper_command
from vault.kms import KmsError


class Rewrapped(msgspec.Struct, frozen=True):
    """How far it is, with one instance."""

    alias: str
    fields: int = 0
    """Keys of contact records that were looked at, and those that were renewed."""
    fields_renewed: int = 0
    recordings: Tally = msgspec.field(default_factory=Tally)
    over: bool = False
    error: str = ""


async def rewrap(care: KeyCare, places: Places, tenant: Tenant) -> AsyncIterator[Rewrapped]:
    """The last one is `over`. Raises FolderError."""
    await care.note(tenant, "RewrapDataKeys", "allowed")
    told = Rewrapped(tenant.alias)
    try:
        async for renewed in care.store.rewrap_keys(tenant):
            told = msgspec.structs.replace(
                told, fields=told.fields + 1, fields_renewed=told.fields_renewed + int(renewed)
            )
            yield told
    except KmsError as error:
        raise FolderError(f"the key service is away; begin again when it is back: {error}") from None
    async for progress in _recordings(places, tenant):
        told = msgspec.structs.replace(told, recordings=progress.tally, over=progress.over, error=progress.error)
        yield told
    if not told.over:
        raise FolderError("the recordings could not be looked at: see the lines above")


async def _recordings(places: Places, tenant: Tenant) -> AsyncIterator[RewrapProgress]:
    """In a process of its own, which is the recorder's and knows keys, store and spool."""
    places.run.mkdir(exist_ok=True, mode=0o700)
    with _Held(places) as held:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *rewrapper_command(places, running=not held.fds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=held.fds,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode([tenant]))
        process.stdin.close()
        try:
            async for line in process.stdout:
                yield msgspec.json.decode(line, type=RewrapProgress)
        finally:
            if process.returncode is None:
                await process.wait()


class _Held:
    """No node can be started within, nor while a process lives that got `fds`; there are none when one runs."""

    def __init__(self, places: Places) -> None:
        self._lock = take_lock(places)
        self.fds = (self._lock.fileno(),) if self._lock is not None else ()

    def __enter__(self) -> "_Held":
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()
