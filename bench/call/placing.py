"""One call from the command line: place it, let it go on, stop on Ctrl-C, tell how it was."""

import asyncio
import contextlib
import dataclasses
import signal
from collections.abc import Coroutine, Iterator

import click
from rich.console import Console

from bench.call.caller import Caller
from bench.call.errors import CallError
from bench.call.options import Options, read_config
from bench.call.progress import Progress, show
from bench.call.report import Report
from bench.call.wavefile import write_wav

SILENT = 7
INTERRUPTED = 130
EXPECT_SOUND_SECONDS = 1.0
MENU_SECONDS = 1.0
"""Between the answer and the first digit: a menu needs a moment before it listens."""


async def place(options: Options) -> int:
    """Returns the exit status. Raises BadArgument before anything is sent."""
    caller = Caller(read_config(options))
    console = Console()
    failure = await _run(caller, options, Progress(console, caller, console.is_terminal and not options.as_json))
    report, failure = _keep(caller, options, failure)
    if options.as_json:
        click.echo(report.as_json())
    elif report.outcome in ("answered", "cancelled"):
        show(console, report)
    return _explain(report, failure)


async def _run(caller: Caller, options: Options, progress: Progress) -> CallError | None:
    stop = asyncio.Event()
    try:
        with progress, _interrupts(stop):
            async with caller:
                await _until(stop, _talk(caller, options))
    except CallError as error:
        return error
    return None


async def _talk(caller: Caller, options: Options) -> None:
    await caller.answered()
    begun = asyncio.get_running_loop().time()
    if options.dtmf and await caller.wait(min(MENU_SECONDS, options.seconds)):
        await caller.wait(caller.dial(options.dtmf))
    await caller.wait(max(0.0, options.seconds - (asyncio.get_running_loop().time() - begun)))


async def _until(stop: asyncio.Event, talk: Coroutine[None, None, None]) -> None:
    """Runs the call to its end, or until it is to stop."""
    talking, stopping = asyncio.ensure_future(talk), asyncio.ensure_future(stop.wait())
    await asyncio.wait((talking, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not talking.done():
        talking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await talking


@contextlib.contextmanager
def _interrupts(stop: asyncio.Event) -> Iterator[None]:
    """The first Ctrl-C hangs up and reports; it takes 3 s at most."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _keep(caller: Caller, options: Options, failure: CallError | None) -> tuple[Report, CallError | None]:
    """Writes what was heard. What goes wrong with that counts only if nothing else did."""
    report = caller.report
    if options.record is None:
        return report, failure
    try:
        write_wav(options.record, *caller.heard)
    except CallError as error:
        return report, failure or error
    return dataclasses.replace(report, recorded_to=str(options.record)), failure


def _explain(report: Report, failure: CallError | None) -> int:
    """One line on standard error when the call was not good, and the exit status."""
    if failure is not None:
        click.echo(f"telephonist call: {failure}", err=True)
        return failure.exit_status
    if report.outcome == "cancelled":
        click.echo("telephonist call: cancelled before anybody answered", err=True)
        return INTERRUPTED
    if report.packets_received == 0 and report.seconds > EXPECT_SOUND_SECONDS:
        click.echo(
            "telephonist call: answered, but not one packet of sound came that could be used: "
            "look at firewall, NAT and the media address of the server",
            err=True,
        )
        return SILENT
    return 0
