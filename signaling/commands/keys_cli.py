"""The commands `telephonist keys …`."""

import asyncio
import sys
import time
from pathlib import Path

import click

from signaling.commands.cli_parts import DATA, fail
from signaling.commands.key_care import caring, make_key_file, protect
from signaling.commands.rewrapping import Rewrapped, rewrap
from signaling.errors import StartError
from signaling.node.places import Places
from vault.kms import KeyVersion
from vault.protection import Kind, Secrets

SHOW_SECONDS = 1.0
"""How often progress is told."""
_PASSPHRASE = click.option(
    "--passphrase-file", default="", help="What opens the keyring now, if the node's configuration does not say."
)
_KEY = click.option("--key-file", default="", help="The same for a keyring that a key file opens.")


@click.group()
def keys() -> None:
    """The master keys, under which every data key is wrapped: one an instance. The node may run."""


@keys.command("list")
@DATA
@_PASSPHRASE
@_KEY
def list_keys(data: Path, passphrase_file: str, key_file: str) -> None:
    """Say which master keys there are and what each is for."""
    try:
        found = asyncio.run(_versions(Places(data.absolute()), Secrets(passphrase_file, key_file)))
    except StartError as error:
        fail(error)
    width = max((len(alias) for alias, _ in found), default=0)
    for alias, version in found:
        click.echo(
            f"{alias:<{width}}  v{version.version:<3}  {version.id}  {_moment(version.created)}  {_use(version)}"
        )


@keys.command()
@click.argument("instance")
@DATA
@_PASSPHRASE
@_KEY
def rotate(instance: str, data: Path, passphrase_file: str, key_file: str) -> None:
    """Give INSTANCE (alias or id; `node` for the key without an instance) a new version for all that is wrapped from
    now on. Earlier ones go on opening what they wrapped."""
    try:
        made = asyncio.run(_rotate(Places(data.absolute()), Secrets(passphrase_file, key_file), instance))
    except StartError as error:
        fail(error)
    click.echo(f"{instance}: version {made.version} ({made.id}) wraps what is new.")


@keys.command()
@click.argument("instance")
@click.option("--reason", required=True, help="Kept beside the destroyed key and in the audit trail.")
@click.option("--version", type=int, help="One version alone; without it the whole key.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@DATA
@_PASSPHRASE
@_KEY
def destroy(
    instance: str, reason: str, version: int | None, yes: bool, data: Path, passphrase_file: str, key_file: str
) -> None:
    """Destroy the master key of INSTANCE for good: its recordings, and the personal fields of its contact records,
    never open again, on any node and in no backup but one that has the key."""
    what = f"version {version} of the master key" if version else "the whole master key"
    if not yes:
        click.confirm(f"Destroy {what} of {instance}? What it wraps is lost for ever", abort=True)
    try:
        gone = asyncio.run(
            _destroy(Places(data.absolute()), Secrets(passphrase_file, key_file), (instance, reason, version))
        )
    except StartError as error:
        fail(error)
    for one in gone:
        click.echo(f"{instance}: version {one.version} ({one.id}) is destroyed.")


@keys.command("rewrap")
@click.argument("instance", required=False)
@DATA
def rewrap_keys(instance: str | None, data: Path) -> None:
    """Wrap every data key of INSTANCE (of all of them without it) anew under the newest version of its master key:
    those of contact records, of recordings on their way, of delivered recordings. Afterwards earlier versions may be
    destroyed. It may be killed and begun again; exit status 1 if something could not be wrapped."""
    try:
        whole = asyncio.run(_rewrap(Places(data.absolute()), instance))
    except StartError as error:
        fail(error)
    sys.exit(not whole)


@keys.command("protect")
@click.option("--with-passphrase-file", "passphrase", default="", help="The first line is the passphrase from now on.")
@click.option("--with-key-file", "key", default="", help="It is made if it is not there.")
@click.option("--with-nothing", "nothing", is_flag=True, help="The file's mode is all that protects it.")
@DATA
@_PASSPHRASE
@_KEY
def protect_keys(passphrase: str, key: str, nothing: bool, data: Path, passphrase_file: str, key_file: str) -> None:
    """Shut the keyring with a passphrase or a key file, or change them. Write the same into [keys] of the
    configuration; a running node has to be started anew within four minutes."""
    if sum((bool(passphrase), bool(key), nothing)) != 1:
        raise click.UsageError("give one of --with-passphrase-file, --with-key-file, --with-nothing")
    kind: Kind = "passphrase" if passphrase else "key-file" if key else "none"
    try:
        if key and not Path(key).exists():
            make_key_file(Path(key))
        protect(Places(data.absolute()), kind, Secrets(passphrase_file, key_file), Secrets(passphrase, key))
    except StartError as error:
        fail(error)
    click.echo(f"The keyring is protected by {kind}.")


async def _versions(places: Places, secrets: Secrets) -> list[tuple[str, KeyVersion]]:
    async with caring(places, secrets) as care:
        return await care.versions()


async def _rewrap(places: Places, instance: str | None) -> bool:
    """Whether everything is under the newest version."""
    whole = True
    async with caring(places, Secrets()) as care:
        for tenant in care.tenants if instance is None else [care.named(instance)]:
            shown = 0.0
            async for told in rewrap(care, places, tenant):
                if told.over or time.monotonic() - shown > SHOW_SECONDS:
                    shown = time.monotonic()
                    click.echo(_progress(told))
            for line in _remarks(told):
                click.echo(f"  {line}")
            whole = whole and not told.error and not told.recordings.refused
    return whole


def _progress(told: Rewrapped) -> str:
    tally = told.recordings
    return (
        f"{told.alias}: contact records {told.fields_renewed} of {told.fields} keys renewed, "
        f"delivered recordings {tally.renewed} of {tally.seen}, on their way {tally.spool}"
    )


def _remarks(told: Rewrapped) -> list[str]:
    tally = told.recordings
    found = {
        f"{tally.first} objects of the first format keep their earlier wrapped key in their header": tally.first,
        f"{tally.locked} earlier key objects stay in the bucket until their lock ends": tally.locked,
        f"{tally.shut} keys do not open: destroyed or damaged": tally.shut,
        f"{tally.refused} could not be replaced ({tally.reason}): begin again": tally.refused,
        f"not finished ({told.error}): begin again": told.error,
    }
    return [line for line, there in found.items() if there]


async def _rotate(places: Places, secrets: Secrets, instance: str) -> KeyVersion:
    async with caring(places, secrets) as care:
        return await care.rotate(care.named(instance))


async def _destroy(places: Places, secrets: Secrets, wanted: tuple[str, str, int | None]) -> list[KeyVersion]:
    instance, reason, version = wanted
    async with caring(places, secrets) as care:
        return await care.destroy(care.named(instance), reason, version)


def _use(version: KeyVersion) -> str:
    if version.destroyed:
        return f"destroyed {_moment(version.destroyed)}: {version.reason}"
    return version.reason or ("wraps and opens" if version.newest else "opens")


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) if at else "-" * 16
