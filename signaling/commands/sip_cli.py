"""The commands `telephonist sip …`."""

import asyncio
import sys
from pathlib import Path

import click

from signaling.commands.cli_parts import BAD_START, DATA, fail
from signaling.commands.sip_tracing import going, run_follow, trace
from signaling.errors import StartError
from signaling.node.places import Places


@click.group()
def sip() -> None:
    """What passes between the node and carriers and phones."""


@sip.command("trace")
@click.argument("contact", default="")
@click.option("--follow", is_flag=True, help="Go on with each message as it passes; Ctrl-C ends it.")
@click.option("--headers", is_flag=True, help="Show the headers of each message, too.")
@DATA
def sip_trace(contact: str, follow: bool, headers: bool, data: Path) -> None:
    """Draw the ladder of a contact's SIP calls, those that go on or those that are over; numbers, names and tokens are
    dots. Without CONTACT, name the contacts whose calls go on. The node may run."""
    places = Places(data.absolute())
    try:
        if follow:
            run_follow(places, contact, headers, click.echo)
            return
        lines = asyncio.run(trace(places, contact, headers) if contact else going(places))
    except StartError as error:
        fail(error)
    if lines is None:
        click.echo(f"telephonist: no SIP messages are known of {contact}", err=True)
        sys.exit(BAD_START)
    for line in lines:
        click.echo(line)
