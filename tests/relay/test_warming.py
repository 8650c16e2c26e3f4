"""A worker's calls with itself: they are real calls, they leave nothing, and they are no condition of its work."""

import socket
from collections.abc import Iterator

import pytest

from relay import warming
from relay.passing.express import Express
from relay.passing.outbound import Outbound
from relay.warming import warm_up
from tests.relay.process import free_ports

HOST = "127.0.0.1"


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Runs of each kind that there were at once."""
    seen = {"in": 0, "out": 0}
    play, send = Express.play, Outbound.send

    def playing(self: Express, *arguments: object) -> object:
        seen["in"] = max(seen["in"], len(self))
        return play(self, *arguments)  # type: ignore[arg-type]

    def sending(self: Outbound, *arguments: object) -> None:
        seen["out"] = max(seen["out"], len(self))
        send(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Express, "play", playing)
    monkeypatch.setattr(Outbound, "send", sending)
    yield seen


async def test_packets_go_all_the_ways_that_those_of_callers_go(most: dict[str, int]) -> None:
    first = free_ports()
    await warm_up(HOST, (first, first + 39))
    legs = 2 * sum(len(codecs) for codecs in warming.ROOMS.values())
    assert most["in"] >= legs // 2
    assert most["out"] >= legs // 3, "who hears just one of his own codec is sent that one's packets"
    for port in range(first, first + 40):  # nothing holds one any more
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((HOST, port))


async def test_without_ports_there_is_no_call_and_no_harm(capsys: pytest.CaptureFixture[str]) -> None:
    first = free_ports()
    await warm_up(HOST, (first, first + 3))
    assert "no call with itself" in capsys.readouterr().out
