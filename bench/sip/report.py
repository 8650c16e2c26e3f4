"""What the measurements of the control plane came to, as a section of the results. Pure."""

from collections.abc import Mapping
from typing import Any


def dialogs_section(about: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """Markdown. `about`: date, command, machine."""
    answer, bye, cpu = figures["answer_ms"], figures["bye_ms"], figures["cpu_cores"]
    failed = sum(figures["failed"].values())
    text = (
        "## Calls a second\n\n"
        f"{taken(about)}\n\n"
        f"INVITE, 200, ACK, {figures['hold']:g} s of hold music from a relay worker, BYE, over UDP: "
        f"{figures['rate']:g} calls a second for {figures['seconds']:.0f} s, {figures['calls']:,} calls, "
        f"{failed} failed, {figures['repeated']} messages sent again, sound heard in {figures['media_heard']:,}, "
        f"{figures['most_at_once']} up at once.\n\n"
        "| | p50 | p95 | p99 | max |\n| --- | --- | --- | --- | --- |\n"
        f"| INVITE to 200, ms | {_row(answer)} |\n| BYE to 200, ms | {_row(bye)} |\n\n"
        f"Cores in use: signaling {cpu['signaling']}, relay {cpu['relay']}.\n"
    )
    if rounds := figures.get("memory_mb"):
        told = "; ".join(f"{one['before']} MB before and {one['after']} MB after" for one in rounds)
        text += (
            f"\n{figures['half_open']:,} calls that were never acknowledged and {figures['refused']:,} to a number "
            f"that is not, twice over: signaling held {told}.\n"
        )
    return text


def stranger_section(about: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """Markdown. `about`: date, command, machine."""
    live, trunk, memory = figures["live"], figures["trunk"], figures["memory_mb"]
    heard = ", ".join(f"{count} answers {status}" for status, count in figures["stranger_heard"].items()) or "nothing"
    return (
        "## A stranger's flood\n\n"
        f"{taken(about)}\n\n"
        f"{figures['sent']:,} INVITEs of a stranger, {figures['rate']:g} a second, who got {heard}. Meanwhile "
        f"{live['whole']} of {live['calls']} calls stayed up: {live['packets_received']:,} packets came, "
        f"{live['packets_lost']} were lost, the largest gap was {live['largest_gap_ms']} ms. Of a trunk's "
        f"{trunk['calls']} calls {trunk['completed']} were answered and ended, INVITE to 200 p99 "
        f"{trunk['answer_ms']['p99']} ms. Signaling used {figures['cpu_cores']['signaling']} of a core and held "
        f"{memory['before']} MB before and {memory['after']} MB after.\n"
    )


def registrations_section(about: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """Markdown. `about`: date, command, machine."""
    memory = figures["memory_mb"]
    rows = "".join(
        f"| {title} | {one['granted']:,} | {sum(one['failed'].values())} | {one['p50_ms']} | {one['p99_ms']} "
        f"| {one['cpu_cores']} |\n"
        for title, one in (("first registrations", figures["registered"]), ("refreshes", figures["refreshed"]))
    )
    return (
        "## Registered phones\n\n"
        f"{taken(about)}\n\n"
        f"{figures['phones']:,} phones register over UDP with digest (SHA-256), each from an address of its own, and "
        f"refresh every {figures['refresh_seconds']:g} s.\n\n"
        "| | granted | failed | p50, ms | p99, ms | cores of signaling |\n| --- | --- | --- | --- | --- | --- |\n"
        f"{rows}\n"
        f"Signaling held {memory['before']} MB before, {memory['registered']} MB with all registered and "
        f"{memory['refreshed']} MB after the refreshes.\n"
    )


def taken(about: Mapping[str, Any]) -> str:
    machine = about["machine"]
    return (
        f"Taken {about['date']} by `{about['command']}` on {machine['cores']} cores of {machine['cpu']}, Python "
        f"{machine['python']}; load of the machine before: {machine['load_before']}."
    )


def _row(times: Mapping[str, float]) -> str:
    return " | ".join(str(times[name]) for name in ("p50", "p95", "p99", "max"))
