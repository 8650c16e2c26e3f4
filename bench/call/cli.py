"""`telephonist call NUMBER`."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from bench.call.codecs import CODECS
from bench.call.errors import CallError
from bench.call.options import Options
from bench.call.placing import place

_FILE = click.Path(path_type=Path)
_ANY_CODEC = click.Choice(list(CODECS), case_sensitive=False)


@click.command(context_settings={"show_default": True})
@click.argument("number")
@click.option("--server", default="127.0.0.1", metavar="HOST[:PORT]", help="Port: 5060, or 5061 for TLS.")
@click.option("--transport", type=click.Choice(["udp", "tcp", "tls"]), default="udp", help="How SIP travels.")
@click.option("--srtp", type=click.Choice(["off", "sdes"]), help="Encrypted sound. Default: sdes with TLS, else off.")
@click.option("--codec", multiple=True, type=_ANY_CODEC, help="May be repeated, best first. Default: any.")
@click.option("--play", type=_FILE, metavar="FILE", help="Say what is in a sound file, again and again.")
@click.option("--once", is_flag=True, help="Play the file once, then be silent.")
@click.option("--tone", "hertz", type=click.FloatRange(20, 20000), metavar="HZ", help="Say a tone.")
@click.option("--voice", "speak", is_flag=True, help="Say the built-in sentence; so it is without any of these.")
@click.option("--mute", is_flag=True, help="Say nothing.")
@click.option("--record", type=_FILE, metavar="FILE.wav", help="Write what is heard.")
@click.option("--dtmf", default="", metavar="DIGITS", help="Send these once answered (RFC 4733).")
@click.option("--seconds", type=click.FloatRange(0, 86400), default=30.0, help="Hang up so long after the answer.")
@click.option("--ring", type=click.FloatRange(1, 600), default=60.0, help="Seconds to wait for the answer.")
@click.option("--from", "caller", default="+15550199", metavar="NUMBER", help="Our own number.")
@click.option("--late-offer", is_flag=True, help="Send INVITE without SDP.")
@click.option("--ca", type=_FILE, metavar="FILE", help="Trust the certificates in this file.")
@click.option("--insecure", is_flag=True, help="Do not check the server's certificate.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def call(**options: Any) -> None:
    """Place a test call over SIP to NUMBER: speak, listen, report.

    \b
    Exit status
      0    answered, and ended well
      2    bad arguments
      3    rejected, by this SIP status
      4    nobody answered in time
      5    the server cannot be reached
      6    no common media
      7    answered, but no sound came
      130  interrupted before the answer
    """
    try:
        sys.exit(asyncio.run(place(Options(**options))))
    except CallError as error:
        click.echo(f"telephonist call: {error}", err=True)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    call()
