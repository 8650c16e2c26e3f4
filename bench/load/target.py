"""What a measurement wants of a server, whichever it is."""

from typing import Protocol

from bench.load.batches import Address
from bench.load.script import Line
from bench.load.work import Work


class Target(Protocol):
    """`async with` starts it and ends it."""

    name: str
    version: str

    @property
    def pids(self) -> list[int]:
        """The processes whose CPU time counts."""

    def accepts(self, work: Work) -> Work:
        """The work as this server can have it (some have no SRTP). Raises ValueError when it cannot do it at all."""

    async def connect(self, work: Work, at: Address) -> list[Line]:
        """Sets all legs up, whose callers send from and hear at `at`. Raises RuntimeError with what was refused."""

    async def disconnect(self, work: Work) -> None:
        """Ends all legs."""
