from itertools import pairwise
from pathlib import Path

import pytest

from signaling.config import Config
from signaling.node.places import Places, relay_command


def ports(config: Config, number: int, workers: int) -> tuple[int, int]:
    command = relay_command(config, Places(Path("d")), number, workers)
    first, last = command[command.index("--rtp-ports") + 1].split("-")
    return int(first), int(last)


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_workers_share_the_ports_evenly_and_never_overlap(workers: int) -> None:
    config = Config()
    shares = [ports(config, number, workers) for number in range(workers)]
    first, last = config.ports.rtp
    assert shares[0][0] == first and shares[-1][1] <= last
    assert all(start % 2 == 0 and end > start for start, end in shares)
    assert all(before[1] < after[0] for before, after in pairwise(shares))


def test_every_worker_has_sockets_and_an_ice_port_of_its_own() -> None:
    commands = [relay_command(Config(), Places(Path("d")), number, 2) for number in range(2)]
    for option in ("--control", "--ice-port", "--worker"):
        assert len({command[command.index(option) + 1] for command in commands}) == 2
    assert len({command[command.index("--tap") + 1] for command in commands}) == 1
