"""The commands `telephonist audit …` and `telephonist recording …`."""

import asyncio
import sys
from pathlib import Path

import click

from signaling.commands.cli_parts import BAD_START, DATA, fail
from signaling.commands.proof import prove
from signaling.commands.upkeep import verify_audits
from signaling.errors import StartError
from signaling.node.places import Places


@click.group()
def audit() -> None:
    """The audit trails of the instances."""


@audit.command()
@DATA
def verify(data: Path) -> None:
    """Follow each instance's chain of hashes; exit status 1 if a row was changed, removed or moved. The node may
    run."""
    try:
        found = asyncio.run(verify_audits(Places(data.absolute())))
    except StartError as error:
        fail(error)
    for alias, check in found:
        if check.broken is None:
            click.echo(f"{alias}: {check.rows} rows hold, head {check.head.hex()}")
        else:
            click.echo(f"{alias}: row {check.broken} is changed, missing or out of place; {check.rows} rows hold")
    sys.exit(any(check.broken is not None for _, check in found))


@click.group()
def recording() -> None:
    """Recordings in the store and on their way there."""


@recording.command("verify")
@click.argument("id")
@DATA
def verify_recording(id: str, data: Path) -> None:
    """Prove that a recording is whole: its record, key, object, manifest, and the audit trail. ID is a recording's or
    a contact's. Exit status 1 if anything does not hold. The node may run."""
    try:
        proofs = asyncio.run(prove(Places(data.absolute()), id))
    except StartError as error:
        fail(error)
    if not proofs:
        click.echo(f"telephonist: no recording and no recorded contact has the id {id}", err=True)
        sys.exit(BAD_START)
    for proof in proofs:
        click.echo(proof.title)
        for finding in proof.findings:
            click.echo(f"  {'ok  ' if finding.holds else 'FAIL'}  {finding.what:<8}  {finding.detail}")
    sys.exit(not all(proof.holds for proof in proofs))
