"""`python -m bench`: the short set of measurements; progress on standard error, JSON on standard output."""

import json
import sys

import click
import uvloop

from bench.call.errors import CallError
from bench.recorded_calls import Plan, measure
from bench.softphone.client import Refused
from signaling.sip.flow import Transport


@click.command()
@click.option("--calls", type=click.IntRange(1, 50), default=20, show_default=True, help="Recorded calls at once.")
@click.option("--seconds", type=click.FloatRange(2, 3600), default=20.0, show_default=True, help="How long to count.")
@click.option("--transport", type=click.Choice(["tls", "tcp", "udp"]), default="tls", help="Of the callers' SIP.")
def main(calls: int, seconds: float, transport: Transport) -> None:
    """Measure CPU per leg and set-up time of recorded calls on this machine."""
    try:
        figures = uvloop.run(
            measure(Plan(calls, seconds, transport), lambda line: click.echo(f"bench: {line}", err=True))
        )
    except (RuntimeError, OSError, CallError, Refused) as error:
        click.echo(f"bench: {error}", err=True)
        sys.exit(1)
    click.echo(json.dumps(figures, indent=2))
    if figures["heard_right"] != {"callers": calls, "agents": calls} or figures["recorded"] != calls:
        click.echo("bench: not every call was heard right and recorded, so the figures do not count", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
