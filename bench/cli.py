"""`telephonist-bench`: puts load on a media server and judges what comes back.

Progress goes to standard error, the figures as JSON to standard output, a table of them to standard error at the end.
"""

import asyncio
import json
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import uvloop
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

from bench.call.codecs import CODECS
from bench.call.errors import BadArgument, CallError
from bench.call.negotiation import Srtp
from bench.call.options import Options, read_config
from bench.call.sounds import VOICE
from bench.finalizing import EVERY, FinalizePlan, SpokenCodec, finalizing_section, measure_finalizing
from bench.load.churn import Churn, churn
from bench.load.comparison import Comparison, comparisons, holds, median_run
from bench.load.flood import FloodPlan, measure_flood
from bench.load.measure import Figures, Span, Tell, measure
from bench.load.results import Short, document, recordings_section
from bench.load.table import table
from bench.load.targets.janus import Janus
from bench.load.targets.rtpengine import RecordingRtpengine, Rtpengine
from bench.load.targets.workers import Workers
from bench.load.work import KINDS, CodecName, Work, make_work
from bench.processes import machine, versions
from bench.rate import Progress, RatePlan, place_calls, summary
from bench.rate_node import agents_for, measure_calls
from bench.recorded_calls import Plan
from bench.recorded_calls import measure as measure_recorded
from bench.recordings import RecordingPlan, measure_recordings
from bench.sections import keep_others, put
from bench.sip.flood import StrangerPlan, is_unharmed, measure_stranger
from bench.sip.node import SipPlan, measure_dialogs
from bench.sip.registrations import RegistrationPlan, measure_registrations
from bench.sip.report import dialogs_section, registrations_section, stranger_section
from bench.softphone.client import Refused
from recorder.api import FORMATS, Format
from signaling.sip.flow import Transport

CONSOLE = Console(stderr=True, width=None if sys.stderr.isatty() else 150)
PATH = click.Path(dir_okay=False, path_type=Path)
CAPACITIES = (1000, 800, 600, 400, 200)
AnyTarget = Workers | Janus | Rtpengine
SERVERS: dict[str, Callable[[], AnyTarget]] = {
    "telephonist": Workers,
    "janus": Janus,
    "rtpengine": Rtpengine,
    "rtpengine-recording": RecordingRtpengine,
}
Result = TypeVar("Result")


@click.group()
def main() -> None:
    """Put load on a media server and judge what comes back: loss, gaps, delay, wrong voices, CPU."""


@main.command()
@click.argument("work", type=click.Choice(list(KINDS)))
@click.option("--legs", type=click.IntRange(2, 2000), help="How many; each work has a usual number.")
@click.option("--seconds", type=click.FloatRange(2, 3600), default=10.0, show_default=True, help="How long to count.")
@click.option("--runs", type=click.IntRange(1, 20), default=1, show_default=True, help="Times that it is done.")
@click.option(
    "--server", type=click.Choice(list(SERVERS)), multiple=True, default=("telephonist",), help="May be given again."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Relay workers of ours.")
@click.option("--plain", is_flag=True, help="Without SRTP.")
@click.option("--profile", type=click.Path(dir_okay=False, path_type=Path), help="Time the first worker's functions.")
def legs(work: str, legs: int | None, seconds: float, runs: int, **given: Any) -> None:
    """Drive RTP and SRTP legs straight into relay workers, or into a peer by its own interface.

    \b
    pcmu-room   one conference, 3 speak       srtp-rtp   calls from SRTP to RTP
    pcmu-pairs  rooms of two                  pcmu-opus  calls from PCMU to Opus
    opus-room   one conference, 3 speak       opus-pairs rooms of two
    """
    try:
        wanted = make_work(work, legs)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    chosen = wanted.plain() if given["plain"] else wanted
    workers, profile = given["workers"], given["profile"]
    targets = [_target(name, workers, profile) for _ in range(runs) for name in given["server"]]
    figures = [_legs(target, chosen, seconds) for target in targets]
    CONSOLE.print(table(figures))
    _print({"machine": machine(), "versions": versions(), "runs": [asdict(one) for one in figures]})
    if not all(one.verdict.right for one in figures):
        _fail("not everybody heard whom he should, and nobody else: the figures do not count")


@main.command()
@click.option("--runs", type=click.IntRange(1, 9), default=1, show_default=True, help="Of each; the median counts.")
@click.option("--seconds", type=click.FloatRange(2, 600), default=4.0, show_default=True, help="How long to count.")
@click.option("--churn", "coming", type=click.IntRange(400, 100_000), default=10_000, show_default=True)
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), help="Also write a Markdown document.")
def short(runs: int, seconds: float, coming: int, write: Path | None) -> None:
    """The short set: ours beside the peers, how much two workers carry, memory of legs that come and go."""
    about = {**_about(), "runs": runs}
    rows = [_compare(comparison, runs, seconds) for comparison in comparisons()]
    capacity = _capacity(seconds)
    recorded = _run(lambda tell: measure_recordings(RecordingPlan(seconds=seconds), tell))
    churned = _run(lambda tell: _churn(coming, tell))
    CONSOLE.print(table([one for _, *both in rows for one in both if one is not None] + capacity))
    if write is not None:
        write.write_text(keep_others(document(about, Short(rows, capacity, churned, recorded)), _read(write)))
    figures = [asdict(one) for _, *both in rows for one in both if one is not None]
    others = {"capacity": [asdict(one) for one in capacity], "recordings": recorded, "churn": asdict(churned)}
    _print({**about, "compared": figures, **others})
    if not all(ours.verdict.right for _, ours, _ in rows):
        _fail("not everybody heard whom he should, and nobody else: the figures do not count")


def _compare(comparison: Comparison, runs: int, seconds: float) -> tuple[Comparison, Figures, Figures | None]:
    """Ours and the peer in turn, so that what the machine does meanwhile befalls both."""
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(_legs(Workers(1), comparison.work, seconds))
        if shutil.which(comparison.peer):
            theirs.append(_legs(SERVERS[comparison.peer](), comparison.work, seconds))
    return comparison, median_run(ours), median_run(theirs) if theirs else None


def _capacity(seconds: float) -> list[Figures]:
    """Fewer and fewer legs until they hold."""
    tries = []
    for legs in CAPACITIES:
        tries.append(_legs(Workers(2), make_work("pcmu-pairs", legs), seconds))
        if holds(tries[-1]):
            break
    return tries


@main.command()
@click.option("--server", type=click.Choice(["telephonist", "janus"]), multiple=True, default=("telephonist",))
@click.option(
    "--loss", type=click.FloatRange(0, 50), multiple=True, default=(0.0, 5.0), help="Per cent, random, seeded."
)
@click.option("--codec", type=click.Choice(["PCMU", "opus"]), multiple=True, default=("PCMU", "opus"))
@click.option("--play", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file of speech.")
def speech(server: tuple[str, ...], loss: tuple[float, ...], codec: tuple[CodecName, ...], play: Path | None) -> None:
    """PESQ of speech through a conference, with and without loss on the way there."""
    from bench.speech import (
        SpeechFigures,
        SpeechPlan,
        measure_speech,
    )  # of `pesq`, which only measurements and tests need

    def one(name: str, plan: SpeechPlan) -> SpeechFigures:
        async def doing(tell: Tell) -> SpeechFigures:
            async with _target(name, 1, None) as target:
                return await measure_speech(target, plan, tell)

        return _run(doing)

    figures = [
        one(name, SpeechPlan(kind, share / 100, file=play or VOICE))
        for kind in codec
        for share in loss
        for name in server
    ]
    shown = Table("codec", "loss", "mode", "server", "PESQ")
    for scored in figures:
        shown.add_row(scored.codec, f"{scored.loss:.0%}", scored.mode, scored.server, f"{scored.pesq:.2f}")
    CONSOLE.print(shown)
    _print({"machine": machine(), "versions": versions(), "speech": [asdict(scored) for scored in figures]})


@main.command()
@click.option("--calls", type=click.IntRange(1, 1000), default=200, show_default=True, help="Recorded at once.")
@click.option("--seconds", type=click.FloatRange(4, 3600), default=10.0, show_default=True, help="How long to count.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Relay workers.")
@click.option("--write", type=PATH, help="Also write a section of a Markdown document.")
def recordings(calls: int, seconds: float, workers: int, write: Path | None) -> None:
    """What recording costs: relay workers and the recorder, without the rest of the node."""
    about = _about()
    figures = _run(lambda tell: measure_recordings(RecordingPlan(calls, seconds, workers), tell))
    if write is not None:
        write.write_text(put(_read(write), recordings_section(about, figures)))
    _print({"machine": machine(), "versions": versions(), **figures})
    if figures["delivered"] != calls or figures["files_wrong"]:
        _fail("not every recording was delivered with each party on his side and nobody else")


@main.command()
@click.option("--rate", type=click.IntRange(0, 100_000), default=5000, show_default=True, help="Bad packets a second.")
@click.option("--legs", type=click.IntRange(2, 1000), default=40, show_default=True, help="Others, who talk meanwhile.")
@click.option("--seconds", type=click.FloatRange(2, 600), default=10.0, show_default=True, help="How long to count.")
def flood(rate: int, legs: int, seconds: float) -> None:
    """Bad packets at one leg's port of a relay worker, and what the worker's other legs notice of them."""
    figures = _run(lambda tell: measure_flood(FloodPlan(rate, legs, seconds), tell))
    CONSOLE.print(table([figures.others]))
    _print({"machine": machine(), "versions": versions(), **asdict(figures)})
    if not figures.others.verdict.right:
        _fail("not everybody heard whom he should, and nobody else")


@main.command()
@click.option("--minutes", type=click.FloatRange(0.1, 600), default=60.0, show_default=True, help="Of the call.")
@click.option("--codec", type=click.Choice(["PCMU", "G722", "opus"]), default="PCMU", show_default=True)
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="wav", show_default=True)
@click.option("--every", is_flag=True, help="An hour of each codec, and in each format.")
@click.option("--write", type=PATH, help="Also write a section of a Markdown document.")
def finalize(minutes: float, codec: SpokenCodec, format_: Format, every: bool, write: Path | None) -> None:
    """What it takes to make the file of a call of two: time, CPU, memory."""
    about = _about()
    plans = EVERY if every else (FinalizePlan(minutes, codec, format_),)
    try:
        runs = [measure_finalizing(plan) for plan in plans]
    except (RuntimeError, OSError) as error:
        _fail(str(error))
    _print({**about, "runs": runs})
    if write is not None:
        write.write_text(put(_read(write), finalizing_section(about, runs)))


async def _churn(legs: int, tell: Tell) -> Churn:
    async with Workers(1) as target:
        return await churn(target, legs, tell)


@main.command()
@click.argument("number", required=False)
@click.option("--server", help="HOST or HOST:PORT to call; without it a node of its own, with softphones that answer.")
@click.option("--calls", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many.")
@click.option("--rate", type=click.FloatRange(0.1, 100), default=2.0, show_default=True, help="New calls a second.")
@click.option("--hold", type=click.FloatRange(1, 3600), default=10.0, show_default=True, help="Seconds a call.")
@click.option("--transport", type=click.Choice(["tls", "tcp", "udp"]), default="udp", show_default=True)
@click.option("--srtp/--no-srtp", default=None, help="SDES; by default with TLS only.")
@click.option("--codec", type=click.Choice(list(CODECS)), default="PCMU", show_default=True)
@click.option("--insecure", is_flag=True, help="Take any certificate.")
def calls(number: str | None, server: str | None, **given: Any) -> None:
    """SIP callers at a rate: set-up time, loss, gaps, and with a node of its own who heard whom.

    \b
    telephonist-bench calls --transport tls --rate 4
    telephonist-bench calls +15550100 --server 192.0.2.1 --calls 100
    """
    if (number is None) != (server is None):
        raise click.UsageError("give NUMBER and --server together, or neither")
    try:
        figures, agents = _call(number, server, **given)
    except (BadArgument, ValueError) as error:
        raise click.UsageError(str(error)) from None
    _print({"machine": machine(), "versions": versions(), **figures})
    answered, wanted = figures["answered"], given["calls"]
    if answered != wanted:
        _fail(f"{wanted - answered} of {wanted} calls were not answered")
    if agents and (
        figures["heard_right"] != {"callers": wanted, "agents": wanted} or any(figures["heard_wrong"].values())
    ):
        _fail("not everybody heard the one that he should, and him alone: the figures do not count")


def _call(number: str | None, server: str | None, **given: Any) -> tuple[dict[str, Any], bool]:
    """The figures, and whether agents of ours answered."""
    transport, srtp = given["transport"], given["srtp"]
    secure: Srtp = "sdes" if srtp or (srtp is None and transport == "tls") else "off"
    options = Options(
        number or "", server or "127.0.0.1", transport, secure, (given["codec"],),
        insecure=given["insecure"] or (server is None and transport == "tls"),
    )  # fmt: skip
    config = read_config(options)
    plan = RatePlan(config.number, config.target, config.terms, given["calls"], given["rate"], given["hold"])
    if server is None:
        agents_for(plan)
        return _run(lambda tell: measure_calls(plan, transport, tell)), True
    progress = Progress()
    placed = _run(lambda tell: place_calls(plan, progress, tell))
    return summary(plan, progress, placed), False


@main.command()
@click.option("--calls", type=click.IntRange(1, 50), default=20, show_default=True, help="Recorded calls at once.")
@click.option("--seconds", type=click.FloatRange(2, 3600), default=20.0, show_default=True, help="How long to count.")
@click.option("--transport", type=click.Choice(["tls", "tcp", "udp"]), default="tls", help="Of the callers' SIP.")
def recorded(calls: int, seconds: float, transport: Transport) -> None:
    """Recorded calls of a whole node: CPU per leg and process, set-up time."""
    figures = _run(lambda tell: measure_recorded(Plan(calls, seconds, transport), lambda line: tell(line, 0.0)))
    _print(figures)
    if figures["heard_right"] != {"callers": calls, "agents": calls} or figures["recorded"] != calls:
        _fail("not every call was heard right and recorded, so the figures do not count")


@main.command()
@click.option("--rate", type=click.FloatRange(1, 2000), default=150.0, show_default=True, help="New calls a second.")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=60.0, show_default=True, help="How long.")
@click.option("--hold", type=click.FloatRange(0, 60), default=0.5, show_default=True, help="Seconds a call.")
@click.option("--half-open", type=click.IntRange(0, 10_000), default=0, help="Then so many, never acknowledged.")
@click.option("--failed", type=click.IntRange(0, 100_000), default=0, help="And so many to a number that is not.")
@click.option("--write", type=PATH, help="Also write the section of a Markdown document.")
def dialogs(write: Path | None, **given: Any) -> None:
    """SIP calls at a rate, with media set up and no sound of theirs: set-up time, failures, CPU of each process.

    \b
    telephonist-bench dialogs --rate 300
    telephonist-bench dialogs --half-open 1000 --failed 10000
    """
    about = _about()
    figures = _run(lambda tell: measure_dialogs(SipPlan(**given), tell))
    _print({**about, **figures})
    if write is not None:
        write.write_text(put(_read(write), dialogs_section(about, figures)))
    if figures["failed"] or figures["without_audio"]:
        _fail("not every call was answered with media and ended: the figures do not count")


@main.command()
@click.option("--rate", type=click.FloatRange(1, 5000), default=500.0, show_default=True, help="INVITEs a second.")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=60.0, show_default=True, help="How long.")
@click.option("--calls", type=click.IntRange(1, 200), default=20, show_default=True, help="Up all the time.")
@click.option("--trunk-rate", type=click.FloatRange(0.1, 100), default=5.0, show_default=True, help="Calls a second.")
@click.option("--write", type=PATH, help="Also write the section of a Markdown document.")
def stranger(write: Path | None, **given: Any) -> None:
    """A stranger floods the SIP port: gaps of calls that are up, and whether a trunk's new calls are all answered."""
    about = _about()
    figures = _run(lambda tell: measure_stranger(StrangerPlan(**given), tell))
    _print({**about, **figures})
    if write is not None:
        write.write_text(put(_read(write), stranger_section(about, figures)))
    if not is_unharmed(figures):
        _fail("calls were lost or harmed")


@main.command()
@click.option("--phones", type=click.IntRange(1, 20_000), default=5000, show_default=True)
@click.option("--refresh", type=click.FloatRange(1, 3600), default=60.0, show_default=True, help="Seconds.")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=60.0, show_default=True, help="How long to count.")
@click.option("--addresses", type=click.IntRange(1, 20_000), default=20_000, help="That they share. Default: none.")
@click.option("--write", type=PATH, help="Also write the section of a Markdown document.")
def registrations(write: Path | None, **given: Any) -> None:
    """Phones that register over UDP with digest and refresh: answers, CPU and memory of signaling."""
    about = _about()
    figures = _run(lambda tell: measure_registrations(RegistrationPlan(**given), tell))
    _print({**about, **figures})
    if write is not None:
        write.write_text(put(_read(write), registrations_section(about, figures)))
    if figures["registered"]["failed"] or figures["refreshed"]["failed"]:
        _fail("not every registration was granted: the figures do not count")


def _legs(target: AnyTarget, work: Work, seconds: float) -> Figures:
    if not CONSOLE.is_terminal:
        CONSOLE.print(f"{work.name}: {len(work.legs)} legs, {target.name}")

    async def doing(tell: Tell) -> Figures:
        async with target:
            return await measure(target, work, Span(seconds), tell)

    return _run(doing)


def _target(name: str, workers: int, profile: Path | None) -> AnyTarget:
    return Workers(workers, profile) if name == "telephonist" else SERVERS[name]()


def _run(doing: Callable[[Tell], Coroutine[Any, Any, Result]]) -> Result:
    """Runs it under a line of progress; what may fail ends the program with a sentence."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    # No thread of its own for refreshing: it would take the interpreter's lock from the load.
    shown = CONSOLE.is_terminal
    with Bar(*columns, console=CONSOLE, transient=True, auto_refresh=False, disable=not shown) as progress:
        line = progress.add_task("starting", total=1.0)

        def tell(what: str, share: float) -> None:
            progress.update(line, description=what, completed=share, refresh=True)

        try:
            return uvloop.run(_stoppable(doing(tell)))
        except asyncio.CancelledError:
            sys.exit(128 + signal.SIGTERM)
        except (RuntimeError, ValueError, OSError, CallError, Refused) as error:
            progress.stop()
            _fail(str(error))
    raise AssertionError("it ran or failed")


async def _stoppable(doing: Coroutine[Any, Any, Result]) -> Result:
    """SIGTERM ends it as Ctrl-C does: with the servers that it has started."""
    task = asyncio.ensure_future(doing)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _about() -> dict[str, Any]:
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {"date": date, "command": _command(), "machine": machine(), "versions": versions()}


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _print(figures: dict[str, Any]) -> None:
    click.echo(json.dumps({"command": _command(), **figures}, indent=2))


def _command() -> str:
    return shlex.join(["telephonist-bench", *sys.argv[1:]])


def _fail(why: str) -> None:
    click.echo(f"telephonist-bench: {why}", err=True)
    sys.exit(1)
