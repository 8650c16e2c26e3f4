"""Wraps the data keys of recordings anew:
`python -m recorder.keeping.rewrap --data DIR --keyring FILE [--store DIR] [--control PATH]`.

Reads a list of tenants from standard input, as JSON, and writes a line of JSON, a recorder.api.RewrapProgress, now and
then and at its end.
`--control`: the socket of the recorder that runs on this data and has its spool; without it nobody may run on it.
"""

import argparse
import asyncio
import contextlib
import resource
import sys
import time
from pathlib import Path

import msgspec

from ipc.client import Client
from ipc.messages import Refusal
from recorder.api import Answers, Events, Rewrap, Rewrapped, RewrapProgress, Tally
from recorder.delivery.places import Places, Tenant
from recorder.errors import StoreFailed
from recorder.keeping import durable
from recorder.keeping.keys import RecordingKeys
from recorder.keeping.rewrapping import Rewrapper, renew_spool
from recorder.spooling.folder_lock import FolderLock
from vault.kms import KmsAway
from vault.services import open_kms, read_keys

TELL_SECONDS = 0.5


class _Wanted(msgspec.Struct, frozen=True):
    account: str
    instance: str


async def _spool(arguments: argparse.Namespace, tenant: Tenant, keys: RecordingKeys) -> int:
    if arguments.control is None:
        durable.make_folder(arguments.data)
        with contextlib.closing(FolderLock(arguments.data)) as lock:
            await lock.take(asyncio.Event())
            return await renew_spool(arguments.data / "spool", tenant, keys)
    client = Client(Answers, Events, lambda _: None)
    await client.connect(arguments.control)
    try:
        told: Rewrapped = await client.ask(Rewrap(*tenant))
    finally:
        await client.close()
    return told.renewed


async def _run(arguments: argparse.Namespace, tenant: Tenant, work: tuple[Rewrapper, RecordingKeys]) -> RewrapProgress:
    rewrapper, keys = work
    tally, told = Tally(), time.monotonic()
    try:
        tally.spool = await _spool(arguments, tenant, keys)
        async for _ in rewrapper.run(tenant, tally):
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                _tell(RewrapProgress(tally))
    except (KmsAway, StoreFailed, Refusal, OSError) as error:
        return RewrapProgress(tally, over=True, error=str(error) or type(error).__name__)
    return RewrapProgress(tally, over=True)


def _tell(progress: RewrapProgress) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(progress) + b"\n")
    sys.stdout.buffer.flush()


async def rewrap(arguments: argparse.Namespace, wanted: list[_Wanted]) -> None:
    kms = open_kms(read_keys(arguments.keys), arguments.keyring)
    places, keys = Places.open(arguments.data, arguments.store), RecordingKeys(kms)
    try:
        for one in wanted:
            _tell(await _run(arguments, Tenant(one.account, one.instance), (Rewrapper(places, keys), keys)))
    finally:
        await places.close()
        await kms.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="recorder.keeping.rewrap")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keyring", type=Path, required=True)
    parser.add_argument("--keys", type=Path)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--control", type=Path)
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=list[_Wanted])
    asyncio.run(rewrap(arguments, wanted))


if __name__ == "__main__":
    main()
