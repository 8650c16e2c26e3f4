"""Runs one target under coverage guidance: `python -m tests.fuzz.fuzz_rtp -max_total_time=600`.

The options are libFuzzer's.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import atheris


def main(one_input: Callable[[bytes], None], seeds: Sequence[bytes]) -> None:
    """Never returns: the fuzzer ends the process, with a status that is not 0 on a finding."""
    atheris.instrument_all()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            Path(corpus, f"{number}").write_bytes(seed)
        atheris.Setup([*sys.argv, corpus], one_input)
        atheris.Fuzz()
