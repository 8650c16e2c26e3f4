"""Looks whether the configured ports are free before anything is started, so that the complaint names the port and
the key."""

import contextlib
import errno
import socket
from pathlib import Path

import msgspec

from signaling.config import Config
from signaling.errors import PortError
from signaling.node.ready import Addresses

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


def with_ports_of(config: Config, addresses: Path) -> Config:
    """With the ports that an earlier control plane of the same run has got where any free one was asked for: peers and
    pages know them. What is taken meanwhile is asked for anew. (SIP's is the supervisor's:
    `signaling.sip_server.datagrams`.)"""
    try:
        before = msgspec.json.decode(addresses.read_bytes(), type=Addresses)
    except (OSError, msgspec.MsgspecError):
        return config
    ports = (("http", before.http), ("softphone", before.softphone), ("sip_tls", before.sip_tls))
    found = {
        name: port
        for name, port in ports
        if not getattr(config.ports, name) and is_free(config.server.address, port, socket.SOCK_STREAM)
    }
    return msgspec.structs.replace(config, ports=msgspec.structs.replace(config.ports, **found))


def is_free(address: str, port: int, kind: socket.SocketKind) -> bool:
    try:
        _check("", address, port, kind)
    except PortError:
        return False
    return True


def _check(name: str, address: str, port: int, kind: socket.SocketKind) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.closing(socket.socket(family, kind)) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise complaint(name, (address, port), kind, error) from None


def complaint(name: str, where: tuple[str, int], kind: socket.SocketKind, error: OSError) -> PortError:
    """That a port cannot be listened on, and what to do about it."""
    protocol = "TCP" if kind == socket.SOCK_STREAM else "UDP"
    remedy = REMEDIES.get(error.errno or 0, "set another ports.{name}").format(name=name)
    return PortError(f"cannot listen on {where[0]}:{where[1]} ({protocol}): {error.strerror}; {remedy}")
