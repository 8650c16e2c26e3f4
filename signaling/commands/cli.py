"""The command `telephonist`."""

import asyncio
import sys
from pathlib import Path

import click

from bench.call.cli import call
from signaling.commands.cli_parts import BAD_START, DATA, fail
from signaling.commands.health import ask_health
from signaling.commands.instance_file import parse_instance
from signaling.commands.keys_cli import keys
from signaling.commands.proof import prove
from signaling.commands.sip_tracing import going, run_follow, trace
from signaling.commands.upkeep import verify_audits
from signaling.config import Config, parse_config
from signaling.errors import ConfigError, StartError
from signaling.node.places import Places
from signaling.node.serve import apply_instance, serve_node


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="telephonist")
def main() -> None:
    """Telephonist: a self-hosted media relay and contact centre."""


main.add_command(call)
main.add_command(keys)


@main.command()
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


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@DATA
def apply(path: Path, data: Path) -> None:
    """Create or change an instance from a JSON or TOML file: users, queues, flows, numbers, trunks. Stop the node
    first."""
    try:
        instance = parse_instance(_text(path), toml=path.suffix == ".toml")
        asyncio.run(apply_instance(instance, Places(data.absolute())))
    except StartError as error:
        fail(error)
    directory = instance.directory
    click.echo(
        f"Instance {directory.tenant.alias}: {len(directory.users)} users, {len(directory.queues)} queues, "
        f"{len(directory.flows)} flows, {len(directory.numbers)} numbers, {len(directory.trunks)} trunks, "
        f"{len(directory.phones)} phones."
    )


@main.command()
@DATA
def health(data: Path) -> None:
    """Say whether the node on this machine is well; exit status 1 if it is not."""
    well, report = asyncio.run(ask_health(Places(data.absolute())))
    click.echo(report)
    sys.exit(not well)


@main.group()
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


@main.group()
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


@main.group()
def sip() -> None:
    """What passes between the node and carriers and phones."""


@sip.command("trace")
@click.argument("contact", default="")
@click.option("--follow", is_flag=True, help="Go on with each message as it passes; Ctrl-C ends it.")
@click.option("--headers", is_flag=True, help="Show the headers of each message, too.")
@click.option(
    "--data", type=click.Path(path_type=Path), default=Path("data"), show_default=True, help="Data directory."
)
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


def _read(path: Path | None) -> Config:
    """Raises ConfigError."""
    return Config() if path is None else parse_config(_text(path))


def _text(path: Path) -> str:
    """Raises ConfigError."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ConfigError(f"cannot read {path}: {reason}") from None


if __name__ == "__main__":
    main()
