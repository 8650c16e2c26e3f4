"""The command `telephonist apply`."""

import asyncio
from pathlib import Path

import click

from signaling.commands.cli_parts import DATA, fail, read_text
from signaling.commands.instance_file import parse_instance
from signaling.commands.upkeep import apply_instance
from signaling.errors import StartError
from signaling.node.places import Places


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@DATA
def apply(path: Path, data: Path) -> None:
    """Create or change an instance from a JSON or TOML file: users, queues, flows, numbers, trunks. Stop the node
    first."""
    try:
        instance = parse_instance(read_text(path), toml=path.suffix == ".toml")
        asyncio.run(apply_instance(instance, Places(data.absolute())))
    except StartError as error:
        fail(error)
    directory = instance.directory
    click.echo(
        f"Instance {directory.tenant.alias}: {len(directory.users)} users, {len(directory.queues)} queues, "
        f"{len(directory.flows)} flows, {len(directory.numbers)} numbers, {len(directory.trunks)} trunks, "
        f"{len(directory.phones)} phones."
    )
