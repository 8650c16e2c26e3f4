"""The results as a document: what was measured, beside whom, on what machine, by which command. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.load.churn import Churn
from bench.load.comparison import Comparison, holds
from bench.load.measure import Figures
from bench.load.table import heard
from bench.sip.report import taken

_COMPARED = (
    "work", "legs", "ours", "peer", "its", "ours of its", "aim", "ours: lost, gap p99, mouth to ear p50/p99",
    "peer: the same", "kB/leg, ours and peer", "heard",
)  # fmt: skip
_TRIED = ("legs", "holds", "lost, gap p99, mouth to ear p50/p99", "gap max", "CPU a leg", "load late, ms", "heard")
Rows = list[tuple[Comparison, Figures, Figures | None]]


@dataclass(frozen=True)
class Short:
    """What the short set came to."""

    compared: Rows
    capacity: list[Figures]
    churned: Churn
    recordings: Mapping[str, Any]
    """As bench.recordings has it."""


def document(about: Mapping[str, Any], short: Short) -> str:
    """Markdown. `about`: date, command, machine, versions, runs."""
    parts = (
        _head(about),
        _compared(short.compared),
        _capacity(short.capacity),
        _recordings(short.recordings),
        _churn(short.churned),
    )
    return "\n".join([*(line for part in parts for line in part), ""])


def _head(about: Mapping[str, Any]) -> list[str]:
    machine = about["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return [
        "# Results",
        "",
        f"Taken {about['date']} by `{about['command']}` on {machine['cores']} cores of {machine['cpu']}, "
        f"{machine['system']}, Python {machine['python']}; load of the machine before: {machine['load_before']}.",
        f"Versions: {versions}. Of {about['runs']} runs each the one with the median CPU time. "
        "What each figure means, and how to take it: [docs/benchmarks.md](../docs/benchmarks.md).",
        "",
    ]


def _compared(rows: Rows) -> list[str]:
    lines = [
        "## Beside others",
        "",
        "CPU time of the server in thousandths of a core a leg; times in ms. Ours carries SRTP where the work says so; "
        "Janus has plain RTP always.",
        "",
        *_header(_COMPARED),
    ]
    return [*lines, *(_row(*row) for row in rows), ""]


def _row(comparison: Comparison, ours: Figures, peer: Figures | None) -> str:
    title = f"{ours.title}{', SRTP' if ours.srtp else ''}"
    if peer is None:
        cells = [title, ours.legs, _cpu(ours), comparison.peer, "not measured", "", comparison.at_most, _times(ours)]
        cells += ["", f"{ours.memory_kb_per_leg:.0f}", heard(ours)]
    else:
        share = ours.millicores_per_leg / peer.millicores_per_leg
        cells = [title, ours.legs, _cpu(ours), f"{peer.server} {peer.version}", _cpu(peer), f"{share:.2f}"]
        cells += [comparison.at_most, _times(ours), _times(peer)]
        cells += [f"{ours.memory_kb_per_leg:.0f}, {peer.memory_kb_per_leg:.0f}", f"{heard(ours)}; {heard(peer)}"]
    return _line(cells)


def _header(names: Sequence[str]) -> tuple[str, str]:
    return _line(names), _line(["---"] * len(names))


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _cpu(one: Figures) -> str:
    return f"{one.millicores_per_leg:.2f}"


def _times(one: Figures) -> str:
    verdict = one.verdict
    ear = "/".join(f"{verdict.mouth_to_ear_ms.get(name, 0.0):.1f}" for name in ("p50", "p99"))
    return f"{verdict.lost + verdict.missing}, {verdict.gap_ms.get('p99', 0.0):.1f}, {ear}"


def _capacity(tries: list[Figures]) -> list[str]:
    lines = [
        "## How much two workers carry",
        "",
        "PCMU, SRTP, rooms of two. It holds when nothing is lost, nobody is heard wrongly and the gap p99 is 40 ms or "
        "less.",
        "",
        *_header(_TRIED),
    ]
    for one in tries:
        cells = [one.legs, "yes" if holds(one) else "no", _times(one), one.verdict.gap_ms.get("max", 0.0), _cpu(one)]
        lines.append(_line([*cells, one.load_late_ms, heard(one)]))
    return [*lines, ""]


def recordings_section(about: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """That section alone, with where it comes from."""
    title, *rest = _recordings(told)
    return "\n".join([title, "", taken(about), *rest])


def _recordings(told: Mapping[str, Any]) -> list[str]:
    plain, taped = told["without_taps"], told["with_taps"]
    wrong = len(told["files_wrong"])
    return [
        "## Recording",
        "",
        f"{told['calls']} recorded calls at once (PCMU, SRTP, {told['workers']} workers): {told['delivered']} files "
        f"delivered, {wrong} with a wrong or missing voice, {told['quarantined']} quarantined, {told['gaps']} gaps.",
        "",
        *_header(("CPU of", "thousandths of a core a leg", "seconds per hour of a recorded leg")),
        _line(["relay without taps", told["relay_millicores_per_leg"], _hourly(told["relay_millicores_per_leg"])]),
        _line(
            [
                "relay with taps",
                told["relay_millicores_per_recorded_leg"],
                _hourly(told["relay_millicores_per_recorded_leg"]),
            ]
        ),
        _line(
            [
                "recorder meanwhile",
                told["recorder_millicores_per_leg"],
                _hourly(told["recorder_millicores_per_leg"]),
            ]
        ),
        _line(["finalize and deliver, afterwards", "", told["finalize_cpu_seconds_per_leg_hour"]]),
        "",
        f"Side by side in one process, recording adds {told['tap_us_per_packet']} µs a packet that is passed on, "
        f"{told['tap_share_percent']} % of the relay's time.",
        "",
        f"Packets lost {plain['lost']} without and {taped['lost']} with taps; gap p99 {_p99(plain)} and {_p99(taped)} "
        f"ms. All was delivered {told['delivered_after_seconds']} s after the end. The files are of seconds, so what a "
        "file costs whatever its length weighs more in the last row than in calls of minutes.",
        "",
    ]


def _hourly(millicores: float) -> str:
    return f"{3.6 * millicores:.1f}"


def _p99(told: Mapping[str, Any]) -> float:
    return float(told["gap_ms"].get("p99", 0.0))


def _churn(churned: Churn) -> list[str]:
    return [
        "## Legs that come and go",
        "",
        f"{churned.legs:,} SRTP legs opened, talked and closed in {churned.seconds:.0f} s: the worker held "
        f"{churned.memory_early / 1e6:.1f} MB after the first fifth of them and {churned.memory_late / 1e6:.1f} MB "
        f"after the last ({churned.growth_percent:+.2f} %).",
    ]
