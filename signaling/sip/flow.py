"""Where a message came from, and where one goes."""

from dataclasses import dataclass
from typing import Literal

Transport = Literal["udp", "tcp", "tls", "wss"]
"""`wss`: a secure WebSocket (RFC 7118)."""
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Flow:
    """A way between us and one peer (RFC 5626 §3)."""

    transport: Transport
    local: Address
    """Where the peer reaches us over this transport: what our Via and Contact say."""
    remote: Address
    connection: int = 0
    """Which stream or WebSocket connection; 0 for UDP, and for a connection that is still to be opened."""
    name: str = ""
    """What the peer's certificate must name, on a TLS connection that we open; empty: the remote host."""

    @property
    def is_reliable(self) -> bool:
        return self.transport != "udp"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Octets to be sent. A stream flow of connection 0 is the connection opened to `flow.remote`, now or earlier."""

    flow: Flow
    data: bytes
