"""What the commands of `telephonist` have in common."""

import sys
from pathlib import Path
from typing import NoReturn

import click

from signaling.errors import ConfigError, StartError

BAD_START = 2
DATA = click.option(
    "--data", type=click.Path(path_type=Path), default=Path("data"), show_default=True, help="Data directory."
)


def fail(error: StartError) -> NoReturn:
    click.echo(f"telephonist: {error}", err=True)
    sys.exit(BAD_START)


def read_text(path: Path) -> str:
    """Raises ConfigError."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigError(f"cannot read {path}: {reason}") from None
