"""Looks whether the configured ports are free before anything is started, so that the complaint names the port and
the key."""

import contextlib
import errno
import socket

from signaling.config import Config
from signaling.errors import PortError

REMEDIES = {
    errno.EADDRINUSE: "stop what uses it, or set ports.{name} in a file given with --config",
    errno.EADDRNOTAVAIL: "set server.address to an address of this machine",
    errno.EACCES: "set ports.{name} to 1024 or more, or allow this user to listen below",
}


def check_ports(config: Config, workers: int) -> None:
    """Raises PortError for the first port that cannot be listened on."""
    ports, address = config.ports, config.server.address
    wanted = [
        ("http", ports.http, socket.SOCK_STREAM),
        ("softphone", ports.softphone, socket.SOCK_STREAM),
        ("sip", ports.sip, socket.SOCK_STREAM),
        ("sip", ports.sip, socket.SOCK_DGRAM),
        ("sip_tls", ports.sip_tls, socket.SOCK_STREAM),
        *(("ice", ports.ice + number, socket.SOCK_DGRAM) for number in range(workers if ports.ice else 0)),
    ]
    for name, port, kind in wanted:
        _check(name, address, port, kind)


def _check(name: str, address: str, port: int, kind: socket.SocketKind) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.closing(socket.socket(family, kind)) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            protocol = "TCP" if kind == socket.SOCK_STREAM else "UDP"
            remedy = REMEDIES.get(error.errno or 0, "set another ports.{name}").format(name=name)
            raise PortError(f"cannot listen on {address}:{port} ({protocol}): {error.strerror}; {remedy}") from None
