"""Phones that register with a node of their own and refresh: answers, CPU and memory of signaling."""

import asyncio
import resource
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.instance import ALIAS, make_instance
from bench.load.measure import Tell
from bench.node import Node
from bench.processes import cpu_seconds, pids_of, process_memory
from bench.sip.phones import Figures, Phone, Registrar

PASSWORD = "of all phones of a measurement"
SPARE_FILES = 256
EXPIRES_FACTOR = 2
"""A registration lasts so many refreshes."""


@dataclass(frozen=True)
class RegistrationPlan:
    phones: int = 5000
    refresh: float = 60.0
    """Seconds between two registrations of one phone; the first ones come in as many."""
    seconds: float = 60.0
    """How long refreshes are counted."""
    addresses: int = 20_000
    """Phones behind as many NATs: with fewer than phones, they share them."""


async def measure_registrations(plan: RegistrationPlan, tell: Tell) -> dict[str, Any]:
    """The figures, ready for JSON. Raises OSError when there may not be as many sockets."""
    _allow_files(plan.phones + SPARE_FILES)
    with tempfile.TemporaryDirectory(prefix="tp-bench-") as folder:
        tell("starting a node", 0.0)
        async with Node(Path(folder), _instance(plan.phones), 0) as node:
            registrar = Registrar(node.addresses.host, node.addresses.sip, ALIAS, PASSWORD)
            phones = [Phone(number, registrar, number % plan.addresses) for number in range(plan.phones)]
            for phone in phones:
                await phone.open()
            empty = _memory(node)
            tell("registering", 0.1)
            first, first_cpu = await _round(node, plan, phones, plan.refresh)
            held = _memory(node)
            tell("refreshing", 0.5)
            later, cpu = await _round(node, plan, phones, plan.seconds)
            after = _memory(node)
            for phone in phones:
                phone.close()
    return {
        "phones": plan.phones,
        "refresh_seconds": plan.refresh,
        "registered": {**summary(first), "cpu_cores": round(first_cpu / plan.refresh, 3)},
        "refreshed": {**summary(later), "cpu_cores": round(cpu / plan.seconds, 3)},
        "memory_mb": {"before": empty, "registered": held, "refreshed": after},
    }


async def _round(node: Node, plan: RegistrationPlan, phones: list[Phone], seconds: float) -> tuple[Figures, float]:
    """Each phone at its own moment of every refresh; what signaling used in that time, in seconds of CPU."""
    figures, began = Figures(), asyncio.get_running_loop().time()
    before = cpu_seconds(node.pid)["signaling"]
    expires = max(60, round(EXPIRES_FACTOR * plan.refresh))

    async def live(number: int, phone: Phone) -> None:
        at = began + plan.refresh * number / len(phones)
        while at < began + seconds:
            await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
            await phone.register(expires, figures)
            at += plan.refresh

    await asyncio.gather(*(live(number, phone) for number, phone in enumerate(phones)))
    await asyncio.sleep(max(0.0, began + seconds - asyncio.get_running_loop().time()))
    return figures, cpu_seconds(node.pid)["signaling"] - before


def summary(figures: Figures) -> dict[str, Any]:
    ordered = sorted(figures.seconds)
    quantiles = {f"p{share}_ms": _at(ordered, share) for share in (50, 99)}
    failed = dict(figures.failed)
    return {"granted": figures.granted, "failed": failed, "repeated": figures.repeated, **quantiles}


def _at(ordered: list[float], share: int) -> float | None:
    return round(1000 * ordered[min(len(ordered) - 1, len(ordered) * share // 100)], 1) if ordered else None


def _memory(node: Node) -> float:
    return round(process_memory(pids_of(node.pid, "signaling")) / 1e6, 1)


def _instance(phones: int) -> dict[str, Any]:
    """Users with one each; nobody else may call."""
    users = [
        {
            "id": str(uuid.uuid4()),
            "username": f"owner{number}",
            "name": f"Owner {number}",
            "security_profiles": [],
            "phones": [{"name": f"phone{number}", "password": PASSWORD}],
        }
        for number in range(phones)
    ]
    return {**make_instance(0).document, "users": users, "trunks": []}


def _allow_files(count: int) -> None:
    """Raises OSError."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < count:
        raise OSError(f"{count} open files are needed, and {most} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, most))
