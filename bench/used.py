"""Runs a command and then says what it used, as JSON on standard error: `python -m bench.used COMMAND …`.

A small process of its own, for Linux begins a child's peak of memory with that of its parent.
"""

import json
import os
import subprocess
import sys


def main() -> None:
    with subprocess.Popen(sys.argv[1:]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    used = {"cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_memory": usage.ru_maxrss * 1024}
    sys.stderr.write(json.dumps({"status": process.returncode, **used}))


if __name__ == "__main__":
    main()
