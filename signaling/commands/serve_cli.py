"""The command `telephonist serve`."""

import sys
from pathlib import Path

import click

from signaling.commands.cli_parts import fail, read_text
from signaling.config import Config, parse_config
from signaling.errors import StartError
from signaling.node.serve import serve_node


@click.command()
@click.option("--config", "path", type=click.Path(path_type=Path), help="TOML file; without it, defaults that work.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory; overrides server.data.")
def serve(path: Path | None, data: Path | None) -> None:
    """Start the node: control plane, media workers, recorder. Ctrl-C drains and stops, a second one stops at once."""
    try:
        config = _read(path)
        status = serve_node(config, (data or Path(config.server.data)).absolute())
    except StartError as error:
        fail(error)
    sys.exit(status)


def _read(path: Path | None) -> Config:
    """Raises ConfigError."""
    return Config() if path is None else parse_config(read_text(path))
