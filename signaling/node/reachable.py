"""The address that peers are told, where the configuration leaves it open."""

import ipaddress
import socket

import msgspec

from signaling.config import Config
from signaling.errors import ConfigError

SOMEWHERE = {4: ("192.0.2.1", 9), 6: ("2001:db8::1", 9)}
"""Documentation addresses (RFC 5737, 3849): asked for a route only, nothing is sent there."""


def with_public_address(config: Config) -> Config:
    """Fills `server.public_address` in when we listen on every address and none is given. Raises ConfigError."""
    listening = ipaddress.ip_address(config.server.address)
    if not listening.is_unspecified or config.server.public_address:
        return config
    server = msgspec.structs.replace(config.server, public_address=_source(listening.version))
    return msgspec.structs.replace(config, server=server)


def _source(version: int) -> str:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(SOMEWHERE[version])
            address: str = probe.getsockname()[0]
            return address
    except OSError:
        raise ConfigError("server.address is every address: say with server.public_address what peers reach") from None
