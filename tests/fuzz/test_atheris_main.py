"""A target that does not hold is shown with its input, and the command that it comes with meets it again."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BROKEN = """
from tests.fuzz import atheris_main
atheris_main.HANG = 0.3

def one_input(data):
    if data.startswith(b"bad"):
        {fault}

atheris_main.main(one_input, [b"good", b"bad seed"])
"""


def run(command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    env = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("fault", "named"), [("raise KeyError('gone')", "KeyError: 'gone'"), ("while True: pass", "takes longer than")]
)
def test_a_finding_is_shown_and_can_be_met_again(tmp_path: Path, fault: str, named: str) -> None:
    target = tmp_path / "fuzz_broken.py"
    target.write_text(BROKEN.format(fault=fault))
    command = [sys.executable, str(target)]
    for _ in range(2):
        done = run([*command, "-max_total_time=20"], tmp_path)
        assert done.returncode == 1 and named in done.stderr, done.stderr
        told = done.stdout.splitlines()
        assert "fails for b'bad seed'" in told
        command = shlex.split(told[-1].removeprefix("meet it again: "))
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_target_that_holds_ends_in_time_and_says_how_much_it_met(tmp_path: Path) -> None:
    target = tmp_path / "fuzz_whole.py"
    target.write_text(BROKEN.format(fault="pass"))
    done = run([sys.executable, str(target), "-max_total_time=1.5"], tmp_path)
    assert done.returncode == 0, done.stderr
    count, unit = done.stdout.splitlines()[-1].split()
    assert int(count) > 10 and unit == "inputs"
