"""The figures as a table for people."""

from rich.table import Table

from bench.load.measure import Figures

_COLUMNS = (
    "work", "server", "legs", "SRTP", "mcore/leg", "kB/leg", "lost", "gap p99", "gap max", "ear p50", "ear p99",
    "holes", "heard",
)  # fmt: skip


def table(figures: list[Figures]) -> Table:
    """One row a measurement. Times in ms."""
    made = Table(*_COLUMNS)
    for one in figures:
        made.add_row(*row(one))
    return made


def row(one: Figures) -> tuple[str, ...]:
    verdict = one.verdict
    return (
        one.work,
        one.server,
        str(one.legs),
        "yes" if one.srtp else "no",
        f"{one.millicores_per_leg:.2f}",
        f"{one.memory_kb_per_leg:.0f}",
        str(verdict.lost + verdict.missing),
        *(f"{verdict.gap_ms.get(name, 0.0):.1f}" for name in ("p99", "max")),
        *(f"{verdict.mouth_to_ear_ms.get(name, 0.0):.1f}" for name in ("p50", "p99")),
        str(verdict.dropouts),
        heard(one),
    )


def heard(one: Figures) -> str:
    """Whether everybody heard whom he should and nobody else, in a word or two."""
    if one.load_dropped:
        return f"load lost {one.load_dropped}"
    if one.verdict.right:
        return "right"
    return f"{len(one.verdict.not_heard)} missed, {len(one.verdict.wrongly_heard)} wrong"
