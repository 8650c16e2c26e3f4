"""Every fuzz target meets its seeds and mutations of them, fewer where `make test` fuzzes it anyway.

`make fuzz` runs the targets under coverage guidance.
"""

import importlib

import pytest

from tests.fuzz.mutate import mutations
from tests.fuzz.targets import SIP, TARGETS

INPUTS, FEW = 1500, 200


def test_the_named_targets_are_there() -> None:
    assert set(SIP) <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_the_invariant_holds(name: str) -> None:
    target = importlib.import_module(f"tests.fuzz.fuzz_{name}")
    assert target.SEEDS
    for data in mutations(target.SEEDS, FEW if name in SIP else INPUTS):
        try:
            target.one_input(data)
        except Exception as error:
            raise AssertionError(f"{name} fails for {data!r}") from error
