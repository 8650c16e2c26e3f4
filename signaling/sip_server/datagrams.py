"""The socket that SIP comes to over UDP.

The supervisor holds it too: while the control plane is started anew, what peers send waits in it, and nobody is told by
ICMP that there is no one."""

import socket

from signaling.config import Config
from signaling.errors import PortError
from signaling.node.ports import complaint, is_free

RECEIVE_BUFFER = 1 << 20
TRIES = 8
SIP_SOCKET = "SIP"
"""Its name among the sockets that the supervisor holds."""


def bind_datagrams(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    datagrams = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        datagrams.setblocking(False)
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        datagrams.bind((host, port))
    except OSError:
        datagrams.close()
        raise
    return datagrams


def bind_sip(config: Config) -> socket.socket:
    """On the configured port, or on one that is free for TCP too. Raises PortError."""
    host, port = config.server.address, config.ports.sip
    for _ in range(TRIES):
        try:
            datagrams = bind_datagrams(host, port)
        except OSError as error:
            raise complaint("sip", (host, port), socket.SOCK_DGRAM, error) from None
        if port or is_free(host, datagrams.getsockname()[1], socket.SOCK_STREAM):
            return datagrams
        datagrams.close()
    raise PortError("no port is free for both UDP and TCP; set ports.sip in a file given with --config")
