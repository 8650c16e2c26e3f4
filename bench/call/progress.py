"""What a person sees while the call goes on: one line, only on a terminal, never instead of the report."""

import asyncio

from rich.console import Console
from rich.table import Table

from bench.call.caller import Caller
from bench.call.report import Report

REFRESH_SECONDS = 0.25


class Progress:
    """`async with` a call; draws on the terminal, or does nothing."""

    def __init__(self, console: Console, caller: Caller, on: bool) -> None:
        self._status = console.status("Connecting …") if on else None
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> "Progress":
        if self._status is not None:
            self._status.start()
            self._draw()
        return self

    def __exit__(self, *error: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._status is not None:
            self._status.stop()

    def _draw(self) -> None:
        if self._status is not None:
            self._status.update(describe(self._caller.report))
            self._timer = self._loop.call_later(REFRESH_SECONDS, self._draw)


def describe(report: Report) -> str:
    """The state of a call in one line."""
    if report.answered_ms is None:
        return f"Ringing {report.number} …" if report.ringing_ms is not None else f"Calling {report.number} …"
    return (
        f"{report.seconds:5.1f} s  {report.codec}{' encrypted' if report.encrypted else ''}"
        f"  sent {report.packets_sent}  received {report.packets_received}  lost {report.packets_lost}"
        f"  jitter {report.jitter_ms:.1f} ms"
    )


def show(console: Console, report: Report) -> None:
    """The report for people."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in report.lines():
        table.add_row(label, text)
    console.print(table)
