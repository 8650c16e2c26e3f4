"""`python -m tests.fuzz`: every target that reads what SIP brings, each under coverage guidance for 20 s, as many at a
time as there are processors.

A line a target says how many inputs it met. A finding is shown with the command that meets it again; the status is
then 1. Other targets may be named, and other times: `--seconds 600 rtp rtcp`.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.fuzz.targets import SIP

SECONDS = 20.0


def run(name: str, seconds: float) -> bool:
    """Whether the target held."""
    command = [sys.executable, "-m", f"tests.fuzz.fuzz_{name}", "-seed=1", f"-max_total_time={seconds}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if not line.startswith(("#", "INFO:"))]
    held = done.returncode == 0
    told = lines[-1] if held else "\n".join(("does not hold", *lines))
    sys.stdout.write(f"fuzz {name}: {told}\n")
    sys.stdout.flush()
    return held


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("targets", nargs="*", default=SIP)
    given = parser.parse_args()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        held = list(pool.map(lambda name: run(name, given.seconds), given.targets))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
