"""Runs one target under coverage guidance: `python -m tests.fuzz.fuzz_rtp -max_total_time=600`.

The options are libFuzzer's. `-max_total_time=20` is seen to here: it ends it after so many seconds, however much the
machine does meanwhile, and says how many inputs that were. Inputs may be named, too: they alone are met then. A finding
is shown, kept in a file, and told with the command that meets it again.
"""

import gc
import hashlib
import logging
import math
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType, FunctionType

import atheris
import structlog

HANG = 30.0
"""Seconds of processor time that one input may take: more is a finding."""
_COVERED = re.compile(r"(?:relay|signaling|recorder|vault|ipc|bench|dns|websockets)\b")
"""Modules whose branches guide it: ours, and what others wrote to read what comes from the network."""
_LIMIT = "-max_total_time="

OneInput = Callable[[bytes], None]


class Hang(BaseException):
    """No Exception, since a target may take such for a refusal."""


def main(one_input: OneInput, seeds: Sequence[bytes]) -> None:
    """Never returns: the fuzzer ends the process, with a status that is not 0 on a finding."""
    limit = float(next((word.removeprefix(_LIMIT) for word in sys.argv if word.startswith(_LIMIT)), 0)) or math.inf
    options = [word for word in sys.argv if not word.startswith(_LIMIT)]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    signal.signal(signal.SIGPROF, _hang)
    _instrument()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            Path(corpus, f"{number}").write_bytes(seed)
        if not any(Path(word).is_file() for word in options[1:]):
            options.append(corpus)
        atheris.Setup(options, _Watched(one_input, limit, Path(corpus)))
        atheris.Fuzz()


class _Watched:
    """The target with a limit of time, and whose findings are shown."""

    def __init__(self, one_input: OneInput, limit: float, corpus: Path) -> None:
        self._one_input = one_input
        self._end = time.monotonic() + limit
        self._corpus = corpus
        self._inputs = 0

    def __call__(self, data: bytes) -> None:
        signal.setitimer(signal.ITIMER_PROF, HANG)
        try:
            self._one_input(data)
        except (Exception, Hang):
            traceback.print_exc()
            _show(data)
            self._leave(1)
        self._inputs += 1
        if time.monotonic() > self._end:
            _say(f"{self._inputs} inputs")
            self._leave(0)

    def _leave(self, status: int) -> None:
        """At once: libFuzzer takes any other end for a crash."""
        shutil.rmtree(self._corpus)
        os._exit(status)


def _show(data: bytes) -> None:
    path = Path(tempfile.gettempdir(), f"finding-{hashlib.sha256(data).hexdigest()[:12]}")
    path.write_bytes(data)
    spec = sys.modules["__main__"].__spec__
    target = ["-m", spec.name] if spec is not None else [sys.argv[0]]
    command = shlex.join([sys.executable, *target, str(path)])
    _say(f"fails for {data!r}\nmeet it again: {command}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _hang(number: int, frame: FrameType | None) -> None:
    raise Hang(f"an input takes longer than {HANG:.0f} s")


def _instrument() -> None:
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and _COVERED.match(one.__module__ or ""):
            atheris.instrument_func(one)
