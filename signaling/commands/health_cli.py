"""The command `telephonist health`."""

import asyncio
import sys
from pathlib import Path

import click

from signaling.commands.cli_parts import DATA
from signaling.commands.health import ask_health
from signaling.node.places import Places


@click.command()
@DATA
def health(data: Path) -> None:
    """Say whether the node on this machine is well; exit status 1 if it is not."""
    well, report = asyncio.run(ask_health(Places(data.absolute())))
    click.echo(report)
    sys.exit(not well)
