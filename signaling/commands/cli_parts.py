"""What the commands of `telephonist` have in common."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from signaling.errors import StartError

BAD_START = 2
DATA = click.option(
    "--data", type=click.Path(path_type=Path), default=Path("data"), show_default=True, help="Data directory."
)


def fail(error: StartError) -> NoReturn:
    click.echo(f"telephonist: {error}", err=True)
    sys.exit(BAD_START)
