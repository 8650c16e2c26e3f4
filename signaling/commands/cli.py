"""The command `telephonist`."""

from importlib import import_module
from typing import Final

import click

PARTS: Final = {
    "apply": "signaling.commands.apply_cli",
    "audit": "signaling.commands.proof_cli",
    "call": "bench.call.cli",
    "health": "signaling.commands.health_cli",
    "keys": "signaling.commands.keys_cli",
    "recording": "signaling.commands.proof_cli",
    "serve": "signaling.commands.serve_cli",
    "sip": "signaling.commands.sip_cli",
}
"""The module of each command, which has its name there."""


class Parts(click.Group):
    """Loads a command when it is asked for: a node's supervisor lives long, and needs neither store nor SIP."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in PARTS:
            return None
        command = getattr(import_module(PARTS[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Parts, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="telephonist")
def main() -> None:
    """Telephonist: a self-hosted media relay and contact centre."""


if __name__ == "__main__":
    main()
