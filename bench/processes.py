"""CPU time and memory of processes, out of Linux's /proc; and what they run on."""

import os
import platform
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_VERSIONS = ("telephonist", "numpy", "uvloop", "pylibsrtp", "aiortc", "cryptography", "av")
ROLES = ("relay", "recorder", "signaling")


def cpu_seconds(node: int) -> dict[str, float]:
    """User and system time so far by role, of the process and all its descendants; `supervisor` is the node itself."""
    used: dict[str, float] = defaultdict(float)
    for pid in _family(node):
        try:
            used[_role(pid, node)] += _cpu(pid)
        except OSError:
            continue  # it has ended since
    return dict(used)


def pids_of(node: int, role: str) -> list[int]:
    """The processes of one role among a node and all below it."""
    return [pid for pid in _family(node) if _role(pid, node) == role]


def process_cpu(pids: Iterable[int]) -> float:
    """User and system time of these processes so far, all threads, in seconds."""
    return sum(_cpu(pid) for pid in pids)


def family_cpu(pid: int) -> float:
    """The same of a process, of all below it, and of those below it that have ended."""
    total = 0.0
    for member in _family(pid):
        try:
            fields = _stat(member)
        except OSError:
            continue  # it has ended since
        total += sum(int(fields[at]) for at in range(11, 15)) / _TICKS
    return total


def process_memory(pids: Iterable[int]) -> int:
    """What these processes hold of the memory now (resident size), in octets."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * _PAGE


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    found = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def children(pid: int) -> list[int]:
    """The processes that it has started and that still are."""
    return _children()[pid]


def _family(node: int) -> list[int]:
    """The process and everything below it."""
    below = _children()
    family = [node]
    for pid in family:
        family += below[pid]
    return family


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                children[int(_stat(int(entry.name))[1])].append(int(entry.name))
            except OSError:
                continue  # it has ended since
    return children


def _role(pid: int, node: int) -> str:
    if pid == node:
        return "supervisor"
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    module = words[words.index(b"-m") + 1].decode() if b"-m" in words else ""
    return module if module in ROLES else "other"


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold blanks and parentheses."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
