"""Every fuzz target meets its seeds and some thousands of mutations of them.

`make fuzz` runs the targets under coverage guidance.
"""

import importlib
from pathlib import Path

import pytest

from tests.fuzz.mutate import mutations

TARGETS = sorted(path.stem for path in Path(__file__).parent.glob("fuzz_*.py"))
INPUTS = 3000


def test_there_are_targets() -> None:
    assert len(TARGETS) >= 6


@pytest.mark.parametrize("name", TARGETS)
def test_the_invariant_holds(name: str) -> None:
    target = importlib.import_module(f"tests.fuzz.{name}")
    assert target.SEEDS
    for data in mutations(target.SEEDS, INPUTS):
        try:
            target.one_input(data)
        except Exception as error:
            raise AssertionError(f"{name} fails for {data!r}") from error
